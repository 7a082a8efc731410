"""Files in object stores (`s3://`, `gs://`, `obs://`, any scheme of fsspec), downloads from the web, and uploads.

Knows stores, the cache of fetched files and the folders of runs; it must not know what the files contain.
"""

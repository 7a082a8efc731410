"""Files in object stores: `s3://`, `gs://`, `obs://` and whatever else fsspec reaches."""

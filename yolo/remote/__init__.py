"""Files in object stores: `s3://`, `gs://`, `obs://` and whatever else fsspec reaches."""

from yolo.remote.fetch import fetch_file, fetch_folder, local_path
from yolo.remote.url import is_url, join

__all__ = ["fetch_file", "fetch_folder", "is_url", "join", "local_path"]

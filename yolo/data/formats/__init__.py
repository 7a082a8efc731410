"""Data-set formats: each module reads one of them into an `Index`."""

from yolo.data.formats.dataset_format import Source
from yolo.data.formats.open_dataset import open_source

__all__ = ["Source", "open_source"]

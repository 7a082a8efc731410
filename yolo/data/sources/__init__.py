"""Data-set formats: each module reads one of them into an `Index`."""

from yolo.data.sources.base import Source
from yolo.data.sources.opening import open_source

__all__ = ["Source", "open_source"]

"""Data-set formats, each read into an `Index`.

To read one more format, write a subclass of `DatasetFormat` in a file of this folder and add it to `FORMATS` in
`open_dataset.py`. Formats know files and labels; they know no augmentation, batches or models.
"""

from yolo.data.formats.dataset_format import DatasetFormat
from yolo.data.formats.open_dataset import open_dataset

__all__ = ["DatasetFormat", "open_dataset"]

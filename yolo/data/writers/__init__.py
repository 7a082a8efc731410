"""Data-set formats that can be written, the counterpart of `yolo.data.formats`. A new one is one class, named here.

Knows files and records, no settings and no way to read a data set.
"""

from yolo.data.writers.coco_writer import CocoWriter
from yolo.data.writers.darknet_writer import DarknetWriter
from yolo.data.writers.data_yaml_writer import DataYamlWriter
from yolo.data.writers.dataset_writer import DatasetWriter
from yolo.data.writers.voc_writer import VocWriter

__all__ = ["WRITERS", "CocoWriter", "DarknetWriter", "DatasetWriter"]

WRITERS: dict[str, type[DatasetWriter]] = {
    "darknet": DarknetWriter,
    "yolo": DataYamlWriter,
    "coco": CocoWriter,
    "voc": VocWriter,
}

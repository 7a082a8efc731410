"""Data-set formats that can be written, the counterpart of `yolo.data.formats`. A new one is one class, named here.

Knows files and records, no settings and no way to read a data set.
"""

from yolo.dataset_tools.writers.coco_writer import CocoWriter
from yolo.dataset_tools.writers.darknet_writer import DarknetWriter
from yolo.dataset_tools.writers.data_yaml_writer import DataYamlWriter
from yolo.dataset_tools.writers.dataset_writer import DatasetWriter
from yolo.dataset_tools.writers.voc_writer import VocWriter

__all__ = ["WRITERS", "CocoWriter", "DarknetWriter", "DatasetWriter"]

WRITERS: dict[str, type[DatasetWriter]] = {
    "darknet": DarknetWriter,
    "yolo": DataYamlWriter,
    "coco": CocoWriter,
    "voc": VocWriter,
}

"""Data-set formats that can be written: the counterpart of `yolo.data.formats`. A new one is one class, named here."""

from yolo.dataset_tools.writers.coco_writer import CocoWriter
from yolo.dataset_tools.writers.darknet_writer import DarknetWriter
from yolo.dataset_tools.writers.data_yaml_writer import DataYamlWriter
from yolo.dataset_tools.writers.dataset_writer import Writer
from yolo.dataset_tools.writers.voc_writer import VocWriter

__all__ = ["WRITERS", "CocoWriter", "DarknetWriter", "Writer"]

WRITERS: dict[str, type[Writer]] = {
    "darknet": DarknetWriter,
    "yolo": DataYamlWriter,
    "coco": CocoWriter,
    "voc": VocWriter,
}

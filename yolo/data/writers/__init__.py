"""Data-set formats that can be written: the counterpart of `yolo.data.sources`. A new one is one class, named here."""

from yolo.data.writers.base import Writer
from yolo.data.writers.coco import CocoWriter
from yolo.data.writers.darknet import DarknetWriter
from yolo.data.writers.data_yaml import DataYamlWriter
from yolo.data.writers.voc import VocWriter

__all__ = ["WRITERS", "CocoWriter", "DarknetWriter", "Writer"]

WRITERS: dict[str, type[Writer]] = {
    "darknet": DarknetWriter,
    "yolo": DataYamlWriter,
    "coco": CocoWriter,
    "voc": VocWriter,
}

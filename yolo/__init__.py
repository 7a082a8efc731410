"""Train, test and run Darknet YOLO networks in PyTorch."""

from yolo.errors import YoloError as YoloError
from yolo.model import Darknet as Darknet

__version__ = "0.1.0"

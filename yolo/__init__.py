"""Train, test and run Darknet YOLO networks in PyTorch."""

from yolo.errors import YoloError as YoloError
from yolo.model import Darknet as Darknet
from yolo.opencv import require_opencv

require_opencv()

__version__ = "0.1.0"

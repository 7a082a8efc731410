"""Every layer that a network file can name: one class each, found by section name.

Importing this package registers them all.
"""

import importlib
import pkgutil

from yolo.layers.detection import Detection as Detection
from yolo.layers.gaussian_yolo import GaussianYolo as GaussianYolo
from yolo.layers.head_spec import HeadSpec as HeadSpec
from yolo.layers.layer_spec import REGISTRY as REGISTRY
from yolo.layers.layer_spec import LayerSpec as LayerSpec
from yolo.layers.layer_spec import Shape as Shape
from yolo.layers.layer_spec import register as register
from yolo.layers.layer_spec import spec_from_section as spec_from_section
from yolo.layers.region import Region as Region
from yolo.layers.yolo import Yolo as Yolo

for module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{module.name}")

"""Darknet layers: one class for each section type of a cfg, found by its section name.

A new layer is one class: put a `LayerSpec` subclass with `@register("section_name")` in a file of this folder. Its
fields are the cfg keys; its methods give the sources, the output shape, the `nn.Module` and the tensors of a `.weights`
file. Importing this package imports every file in it, which registers all layers. A layer knows its own section, never
the whole network.
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

"""The package itself: `import yolo`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import yolo
from yolo.errors import YoloError
from yolo.inference.predictor import load
from yolo.model.network import Darknet


def test_import_loads_torch_only_when_a_name_needs_it() -> None:
    lines = [
        "import sys, yolo",
        "assert {'Darknet', 'YoloError', 'load', '__version__'} <= set(dir(yolo))",
        "assert yolo.YoloError",
        "assert 'torch' not in sys.modules",
        "assert yolo.Darknet.__name__ == 'Darknet'",
        "assert 'torch' in sys.modules",
    ]
    subprocess.run([sys.executable, "-c", "\n".join(lines)], check=True, cwd=Path(__file__).parents[1])


def test_public_names() -> None:
    assert [getattr(yolo, name) for name in yolo.__all__] == [Darknet, YoloError, load]
    assert set(yolo.__all__) <= set(dir(yolo))


def test_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'yolo' has no attribute 'nonsense'"):
        _ = yolo.nonsense

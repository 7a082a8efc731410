"""Small data sets on disk for the tests of sources and conversion."""

from collections.abc import Sequence
from pathlib import Path

from PIL import Image


def put_image(path: Path, width: int = 100, height: int = 50) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (width, height)).save(path)
    return path


def put_text(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def voc_object(name: str, box: Sequence[object], difficult: int = 0) -> str:
    corners = "".join(f"<{k}>{v}</{k}>" for k, v in zip(("xmin", "ymin", "xmax", "ymax"), box, strict=True))
    return f"<object><name>{name}</name><difficult>{difficult}</difficult>\n<bndbox>{corners}</bndbox></object>\n"


def put_annotation(path: Path, *objects: str) -> Path:
    return put_text(path, "<annotation>\n" + "".join(objects) + "</annotation>\n")

from pathlib import Path

import pytest

from tests.data.formats.images import put_text
from yolo.data.formats.other_formats import describe_other_format


@pytest.mark.parametrize(
    ("name", "text", "title"),
    [
        ("a.csv", "ImageID,Source,LabelName,Confidence,XMin,XMax,YMin,YMax\n", "OpenImages"),
        ("_annotations.csv", "filename,width,height,class,xmin,ymin,xmax,ymax\n", "a table of boxes"),
        ("0.txt", "Car 0.00 0 -1.57 614.24 181.78 727.31 284.77 1.57 1.73 4.15 1.00 1.75 13.22 -1.62\n", "a KITTI"),
        ("annotations.xml", '<?xml version="1.0"?>\n<annotations>\n  <version>1.1</version>\n', "CVAT's own XML"),
        ("a.json", '{\n  "version": "5.2.1",\n  "flags": {},\n  "shapes": [\n', "a LabelMe file"),
        ("via.json", '{"_via_settings": {"ui": {}}', "a VGG Image Annotator file"),
        (
            "project.json",
            '[{"id": 1, "annotations": [{"id": 4, "result": []}], "file_upload": "a.jpg"',
            "a Label Studio",
        ),
        ("_annotations.createml.json", '[{"image": "a.jpg", "annotations": [', "a CreateML file"),
        ("a.tfrecord", "", "a TFRecord file"),
    ],
)
def test_formats(name: str, text: str, title: str, tmp_path: Path) -> None:
    path = put_text(tmp_path / name, text)
    for place in (path, tmp_path):
        assert (describe_other_format(place) or "").startswith(f"{path}: is {title}")


@pytest.mark.parametrize(
    ("name", "text"),
    [("a.txt", "0 0.5 0.5 0.1 0.1\n"), ("a.xml", "<annotation/>"), ("a.csv", "a,b\n"), ("a.json", "{}")],
)
def test_nothing_else(name: str, text: str, tmp_path: Path) -> None:
    put_text(tmp_path / name, text)
    assert describe_other_format(tmp_path) is None

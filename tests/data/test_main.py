from pathlib import Path

import pytest

from tests.data.formats.images import put_annotation, put_image, voc_object
from yolo.data.__main__ import main
from yolo.data.formats.open_dataset import open_dataset
from yolo.errors import SettingsError


def test_convert_from_the_command_line(tmp_path: Path) -> None:
    put_image(tmp_path / "voc/JPEGImages/a.jpg")
    put_annotation(tmp_path / "voc/Annotations/a.xml", voc_object("cat", (1, 2, 3, 4)))
    arguments = ["convert", "--data", str(tmp_path / "voc"), "--out", str(tmp_path / "out"), "--link"]
    main(arguments)
    index = open_dataset(str(tmp_path / "out" / "out.data")).index("all")
    assert index.boxes_xyxy(0).round(4).tolist() == [[1, 2, 3, 4]]
    with pytest.raises(SettingsError, match="already exists"):
        main(arguments)

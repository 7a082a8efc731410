from pathlib import Path

import cv2
import numpy as np
import pytest

from yolo.data import drawn_shapes
from yolo.data.drawn_shapes import STAMP, ensure_shapes, scene_rng
from yolo.data.formats.open_dataset import open_dataset
from yolo.data.shape_scenes import NAMES, draw_scene
from yolo.errors import DataError


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drawn_shapes, "NUM_IMAGES", {"train": 12, "val": 3, "test": 2})


def test_it_is_a_darknet_data_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    source = open_dataset("shapes")
    assert source.path == Path("datasets/shapes/shapes.data")
    assert source.names == NAMES
    assert {split: len(source.index(split)) for split in source.splits} == {"train": 12, "val": 3, "test": 2}
    index = source.index("train")
    for i in range(12):
        scene = draw_scene(scene_rng("train", i))
        np.testing.assert_allclose(index.boxes_xyxy(i), scene.boxes_xyxy, atol=1e-5)
        assert index.class_ids(i).tolist() == scene.class_ids.tolist()
        image = cv2.imread(str(index.path(i)))
        assert image is not None
        assert abs(image.astype(np.float64) - scene.image).mean() < 6  # JPEG loses a little


def test_it_is_drawn_once(tmp_path: Path) -> None:
    folder = tmp_path / "shapes"
    ensure_shapes(folder)
    image = next((folder / "images").iterdir())
    image.write_bytes(b"mark")
    assert ensure_shapes(folder) == folder / "shapes.data"
    assert image.read_bytes() == b"mark"
    assert [p.name for p in tmp_path.iterdir()] == ["shapes"]  # no temporary folder is left


def test_another_version_is_drawn_anew(tmp_path: Path) -> None:
    folder = tmp_path / "shapes"
    data_file = ensure_shapes(folder)
    data_file.write_text(data_file.read_text().replace(STAMP, "# drawn by yolo.data.shapes, version 0"))
    next((folder / "images").iterdir()).write_bytes(b"mark")
    ensure_shapes(folder)
    assert data_file.read_text().startswith(STAMP + "\n")
    assert all(p.read_bytes() != b"mark" for p in (folder / "images").iterdir())


@pytest.mark.parametrize("content", [None, "classes = 6\n"])
def test_something_else_is_left_alone(tmp_path: Path, content: str | None) -> None:
    folder = tmp_path / "shapes"
    folder.mkdir()
    if content:
        (folder / "shapes.data").write_text(content)
    with pytest.raises(DataError, match="is not the drawn data set 'shapes', which belongs there; move it away"):
        ensure_shapes(folder)
    assert folder.exists()


def test_every_image_has_its_own_seed() -> None:
    draws = {int(scene_rng(split, i).integers(2**62)) for split in ("train", "val", "test") for i in range(3)}
    assert len(draws) == 9

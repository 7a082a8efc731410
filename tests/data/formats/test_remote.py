from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from yolo.data.formats.open_dataset import open_dataset
from yolo.data.formats.remote import fetch_data_set
from yolo.remote.remote_cache import cache_path
from yolo.remote.upload import Uploader


@pytest.fixture
def url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A COCO folder and two descriptions of it, in a store in memory that is another one for each test."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = tmp_path / "set"
    for name in ("annotations", "train"):
        (folder / name).mkdir(parents=True)
    cv2.imwrite(str(folder / "train" / "a.png"), np.zeros((30, 40, 3), np.uint8))
    coco = {
        "images": [{"id": 1, "file_name": "a.png", "width": 40, "height": 30}],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 7, "bbox": [4, 6, 10, 12], "area": 120, "iscrowd": 0}],
        "categories": [{"id": 7, "name": "cell"}],
    }
    (folder / "annotations" / "instances_train.json").write_text(json.dumps(coco))
    (folder / "train" / "a.txt").write_text("0 0.225 0.4 0.25 0.4\n")
    (folder / "data.yaml").write_text("train: train\nval: train\nnames: [cell]\n")
    (folder / "mine.data").write_text("classes = 1\nnames = mine.names\ntrain = train.txt\n")
    (folder / "mine.names").write_text("cell\n")
    (folder / "train.txt").write_text("train/a.png\n")
    url = f"memory://bucket/{tmp_path.name}/set"
    assert Uploader(folder, url).finish()
    return url


@pytest.mark.parametrize("name", ["", "data.yaml", "mine.data", "annotations/instances_train.json"])
@pytest.mark.parametrize("stream", [False, True])
def test_a_description_brings_its_folder(url: str, name: str, stream: bool) -> None:
    data = f"{url}/{name}" if name else url
    path = fetch_data_set(data, stream=stream)
    assert path == cache_path(data, "stream" if stream else "remote")
    index = open_dataset(data, stream=stream).index("train")
    assert index.names == ("cell",)
    assert index.size(0) == (40, 30)
    np.testing.assert_allclose(index.boxes_xyxy(0), [[4, 6, 14, 18]])
    assert (index.path(0).stat().st_size == 0) is stream


def test_a_folder_whose_name_has_a_dot(url: str, tmp_path: Path) -> None:
    dotted = url.replace("/set", "/set.v2")
    assert Uploader(tmp_path / "set", dotted).finish()
    assert open_dataset(dotted).splits
    assert fetch_data_set(dotted + "/", stream=False) == cache_path(dotted, "remote")

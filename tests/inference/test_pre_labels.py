from __future__ import annotations

from pathlib import Path
from typing import Literal

import cv2
import numpy as np
import pytest
import torch

from tests.spots import paint
from yolo.boxes.detections import Detections
from yolo.data.formats.open_dataset import open_dataset
from yolo.data.writers import WRITERS
from yolo.dataset_tools.check.check_dataset import CheckSettings, check_dataset
from yolo.dataset_tools.split_dataset import SplitDatasetSettings, split_dataset
from yolo.errors import DataError
from yolo.inference.pre_labels import PreLabelWriter
from yolo.inference.results import Result
from yolo.inference.sources.frame import Frame, Video

NAMES = ("red", "sea blue")
BOXES = [[10.0, 20.0, 42.5, 60.25], [0.0, 0.0, 8.0, 8.0]]
DESCRIPTIONS = {"darknet": "dataset/dataset.data", "yolo": "dataset", "coco": "dataset", "voc": "dataset"}


def result(name: str, boxes: list[list[float]], seed: int, video: Video | None = None) -> Result:
    count = len(boxes)
    found = Detections(torch.tensor(boxes).reshape(-1, 4), torch.full((count,), 0.5), torch.arange(count).flip(0))
    image = paint((64, 80), [(8 * seed, 0, 0)])
    if video is None:
        cv2.imwrite(name, image)
    return Result.from_detections(Frame(image, name, video, number=seed), found, NAMES)


@pytest.mark.parametrize("format_name", list(WRITERS))
def test_data_set_is_read_back(
    format_name: Literal["darknet", "yolo", "coco", "voc"], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for folder in ("x", "y"):
        Path(folder).mkdir()
    writer = PreLabelWriter(tmp_path / "dataset", format_name, NAMES)
    writer.write(result("x/a b.png", BOXES, 0))
    writer.write(result("y/a b.png", [], 1))  # the same name, and nothing in it
    writer.write(result("v.mp4", [*BOXES[:1], [64.0, 3, 64, 9]], 2, Video("v.mp4", 25)))  # the second has no area
    assert not Path("dataset").exists()
    writer.close()
    source = open_dataset(DESCRIPTIONS[format_name])
    assert (source.names, list(source.splits)) == (NAMES, ["train"])
    index = source.index("train")
    assert [index.path(i).name for i in range(3)] == ["a b.png", "a b_2.png", "v_000002.jpg"]
    assert index.path(0).read_bytes() == Path("x/a b.png").read_bytes()
    np.testing.assert_allclose(index.boxes_xyxy(0), BOXES, atol=1e-4)
    assert [index.class_ids(i).tolist() for i in range(3)] == [[1, 0], [], [1]]
    assert check_dataset(CheckSettings(data=DESCRIPTIONS[format_name])) == 0
    split_dataset(SplitDatasetSettings(data=DESCRIPTIONS[format_name], out=Path("split"), val=0.34))
    assert len(open_dataset("split/split.data" if format_name in ("darknet", "yolo") else "split").index("val")) == 1


def test_format_that_cannot_hold_the_classes_leaves_no_folder(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="two classes are named 'red'"):
        PreLabelWriter(tmp_path / "dataset", "voc", ("red", "red"))
    assert list(tmp_path.iterdir()) == []

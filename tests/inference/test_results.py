from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from tests.spots import paint
from yolo.boxes.detections import Detections
from yolo.errors import DataError
from yolo.inference.results import Result, Results
from yolo.inference.sources.frame import Frame, Video
from yolo.visualization.drawing import draw_boxes


def result(name: str = "folder/a.png", video: Video | None = None) -> Result:
    found = Detections(
        torch.tensor([[10.0, 20.0, 40.0, 60.5], [0, 0, 5, 5]]), torch.tensor([0.75, 0.5]), torch.tensor([1, 0])
    )
    return Result.from_detections(Frame(paint((64, 64), []), name, video, 7), found, ("red", "blue"))


def test_arrays_and_names() -> None:
    got = result()
    assert got.boxes_xyxy.tolist() == [[10, 20, 40, 60.5], [0, 0, 5, 5]]
    assert got.scores.tolist() == [0.75, 0.5]
    assert got.class_ids.tolist() == [1, 0]
    assert got.names == ["blue", "red"]
    assert len(got) == 2


def test_plot_shows_names_and_scores() -> None:
    got = result()
    expected = draw_boxes(got.frame.image, got.boxes_xyxy, ["blue 0.75", "red 0.50"], [1, 0])
    np.testing.assert_array_equal(got.plot(), expected)
    assert not got.frame.image.any()


def test_to_coco() -> None:
    first = {"image_id": "a", "category_id": 2, "bbox": [10.0, 20.0, 30.0, 40.5], "score": 0.75}
    assert result().to_coco()[0] == first
    assert result().to_coco(image_id=3)[1] == {"image_id": 3, "category_id": 1, "bbox": [0, 0, 5, 5], "score": 0.5}
    assert result("v.mp4", Video("v.mp4", 25)).to_coco()[0]["image_id"] == "v_000007"


def test_to_supervision() -> None:
    supervision = pytest.importorskip("supervision", reason="needs supervision")
    got = result().to_supervision()
    assert isinstance(got, supervision.Detections)
    np.testing.assert_array_equal(got.xyxy, result().boxes_xyxy)
    assert got.class_id.tolist() == [1, 0]
    assert got.confidence.tolist() == [0.75, 0.5]
    assert got.data["class_name"].tolist() == ["blue", "red"]


def test_save_to_a_file_or_a_folder(tmp_path: Path) -> None:
    assert result().save(tmp_path / "x.png") == tmp_path / "x.png"
    assert result().save(tmp_path / "new") == tmp_path / "new" / "a.png"
    assert result().save(tmp_path / "new") == tmp_path / "new" / "a-2.png"
    np.testing.assert_array_equal(cv2.imread(str(tmp_path / "new" / "a.png")), result().plot())
    assert result("rtsp://host:554/way/x?a=1", Video("", 25)).save(tmp_path) == tmp_path / "host-way-x_000007.jpg"


def test_results_of_one_image_have_its_fields() -> None:
    one = Results([result()])
    np.testing.assert_array_equal(one.boxes_xyxy, one[0].boxes_xyxy)
    assert one.names == ["blue", "red"]
    assert one.scores.tolist() == [0.75, 0.5]
    np.testing.assert_array_equal(one.plot(), one[0].plot())


def test_results_of_several_images(tmp_path: Path) -> None:
    two = Results([result("a.png"), result("b.png")])
    assert [len(one) for one in two] == [2, 2]
    assert len(two[:1]) == 1
    assert [entry["image_id"] for entry in two.to_coco()] == ["a", "a", "b", "b"]
    assert two.save(tmp_path) == [tmp_path / "a.png", tmp_path / "b.png"]
    with pytest.raises(DataError, match=r"boxes_xyxy: there are results of 2 images; select one"):
        _ = two.boxes_xyxy

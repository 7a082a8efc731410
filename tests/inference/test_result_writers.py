from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from tests.spots import paint
from yolo.boxes.detections import Detections
from yolo.data.labels import read_yolo
from yolo.inference.result_writers import (
    CropWriter,
    DrawingWriter,
    JsonWriter,
    LabelWriter,
    ResultWriter,
    ResultWriters,
    crop_objects,
)
from yolo.inference.results import Result
from yolo.inference.sources.frame import Frame, Video
from yolo.inference.sources.video import VideoFile

NAMES = ("red", "sea blue")
BOXES = [[10.0, 20.0, 42.0, 60.0], [0.0, 0.0, 8.0, 8.0]]


def result(name: str = "in/a.png", video: Video | None = None, number: int = 0) -> Result:
    found = Detections(torch.tensor(BOXES), torch.tensor([0.75, 0.5]), torch.tensor([1, 0]))
    return Result.from_detections(Frame(paint((64, 80), [(0, 0, 0)]), name, video, number), found, NAMES)


def test_json_has_an_entry_per_image(tmp_path: Path) -> None:
    writer = JsonWriter(tmp_path / "d.json")
    writer.write(result())
    writer.write(result("v.mp4", Video("v.mp4", 25), 3))
    assert not (tmp_path / "d.json").exists()
    writer.close()
    first, second = json.loads((tmp_path / "d.json").read_text())
    assert first == {
        "image": "in/a.png",
        "width": 64,
        "height": 80,
        "detections": [
            {"class_id": 1, "class": "sea blue", "score": 0.75, "xyxy": BOXES[0]},
            {"class_id": 0, "class": "red", "score": 0.5, "xyxy": BOXES[1]},
        ],
    }
    assert (second["image"], second["frame"]) == ("v.mp4", 3)


def test_json_without_results(tmp_path: Path) -> None:
    JsonWriter(tmp_path / "d.json").close()
    assert json.loads((tmp_path / "d.json").read_text()) == []


def test_label_files_are_read_back(tmp_path: Path) -> None:
    LabelWriter(tmp_path, with_scores=False).write(result())
    labels, _ = read_yolo(tmp_path / "a.txt", 2, 64, 80)
    assert labels.class_ids.tolist() == [1, 0]
    np.testing.assert_allclose(labels.boxes_xyxy, BOXES, atol=1e-4)
    LabelWriter(tmp_path, with_scores=True).write(result("v.mp4", Video("v.mp4", 25), 3))
    lines = (tmp_path / "v_000003.txt").read_text().splitlines()
    assert [(line.split()[0], line.split()[5]) for line in lines] == [("1", "0.750000"), ("0", "0.500000")]


def test_crops_are_written_in_a_folder_per_class(tmp_path: Path) -> None:
    crops = crop_objects(result())
    assert [part.shape for part in crops] == [(40, 32, 3), (8, 8, 3)]
    assert (crops[1] == (0, 0, 255)).all()
    CropWriter(tmp_path).write(result())
    assert sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.png")) == [
        "red/a.png",
        "sea-blue/a.png",
    ]
    outside = Result.from_detections(
        Frame(paint((64, 64), []), "a.png"), Detections(torch.tensor([[64.0, 64, 64, 64]]), *ones()), NAMES
    )
    assert [part.shape for part in crop_objects(outside)] == [(1, 1, 3)]


def ones() -> tuple[torch.Tensor, torch.Tensor]:
    return torch.ones(1), torch.zeros(1, dtype=torch.int64)


def test_drawn_images_with_the_same_name_do_not_collide(tmp_path: Path) -> None:
    writer = DrawingWriter(tmp_path)
    for name in ("x/a.png", "y/a.png"):
        writer.write(result(name))
    writer.close()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a-2.png", "a.png"]
    np.testing.assert_array_equal(cv2.imread(str(tmp_path / "a.png")), result().plot())


def test_drawn_videos_keep_frame_rate_size_and_duration(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", logger="yolo")
    writer = DrawingWriter(tmp_path)
    for frame in range(4):
        writer.write(result("a.mp4", Video("a.mp4", 24), frame))
    # Frames 1 to 3 of the stream were skipped: the next one is repeated in their place.
    for frame in (0, 4):
        writer.write(result("rtsp://host/live", Video("rtsp://host/live", 10), frame))
    writer.close()
    assert [message.split("/")[-1] for message in caplog.messages] == ["a.mp4: 4 frames", "host-live.mp4: 5 frames"]
    for name, fps, count in (("a.mp4", 24, 4), ("host-live.mp4", 10, 5)):
        images = list(VideoFile(tmp_path / name).frames())
        assert len(images) == count
        assert images[0].image.shape == (80, 64, 3)
        assert images[0].video is not None
        assert images[0].video.fps == pytest.approx(fps)


class FailingWriter:
    """A writer that cannot be finished."""

    def write(self, result: Result) -> None:
        raise KeyboardInterrupt

    def close(self) -> None:
        raise OSError("full")


def test_every_writer_is_closed_whatever_ends_the_block(tmp_path: Path) -> None:
    writers: list[ResultWriter] = [DrawingWriter(tmp_path), JsonWriter(tmp_path / "d.json"), FailingWriter()]
    with pytest.raises(OSError, match="full"), ResultWriters(writers) as all_writers:
        all_writers.write(result("a.mp4", Video("a.mp4", 24), 0))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.mp4", "d.json"]
    assert len(json.loads((tmp_path / "d.json").read_text())) == 1

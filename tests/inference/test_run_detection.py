from __future__ import annotations

from pathlib import Path

import cv2
import pytest

from tests.spots import paint
from yolo.errors import DataError
from yolo.inference.run_detection import count_frames
from yolo.inference.sources.image_files import ImageFile
from yolo.inference.sources.stream import Camera
from yolo.inference.sources.video import VideoFile
from yolo.inference.video_writer import VideoWriter


@pytest.fixture
def files(tmp_path: Path) -> list[ImageFile | VideoFile]:
    """An image, and a video of three frames."""
    cv2.imwrite(str(tmp_path / "a.png"), paint((64, 64), []))
    writer = VideoWriter(tmp_path / "a.mp4", 25, (64, 64))
    writer.write(paint((64, 64), []), times=3)
    writer.close()
    return [ImageFile(tmp_path / "a.png"), VideoFile(tmp_path / "a.mp4")]


def test_count_frames(files: list[ImageFile | VideoFile]) -> None:
    assert count_frames(files) == 4
    assert count_frames([*files, Camera(0)]) is None


def test_count_frames_refuses_unreadable_images(files: list[ImageFile | VideoFile], tmp_path: Path) -> None:
    (tmp_path / "b.png").write_text("nonsense")
    with pytest.raises(DataError, match=r"b\.png: "):
        count_frames([*files, ImageFile(tmp_path / "b.png")])

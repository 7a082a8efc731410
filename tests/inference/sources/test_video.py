from __future__ import annotations

import logging
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from yolo.errors import DataError
from yolo.inference.sources.video import VideoFile
from yolo.inference.video_writer import VideoWriter


def grey(value: int, size_wh: tuple[int, int] = (64, 48)) -> npt.NDArray[np.uint8]:
    return np.full((size_wh[1], size_wh[0], 3), value, np.uint8)


def write(path: Path, values: range, fps: float = 24) -> None:
    writer = VideoWriter(path, fps, (64, 48))
    for value in values:
        writer.write(grey(value))
    writer.close()


def test_what_is_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    write(path, range(0, 200, 20), fps=24)
    video = VideoFile(path)
    assert video.total == 10
    images = list(video.frames())
    assert [image.number for image in images] == list(range(10))
    assert images[0].video is not None
    assert images[0].video.fps == pytest.approx(24)
    assert images[0].image.shape == (48, 64, 3)
    assert [round(float(image.image.mean()) / 20) for image in images] == list(range(10))


def test_video_is_in_its_place_when_it_is_whole(tmp_path: Path) -> None:
    writer = VideoWriter(tmp_path / "a.mp4", 25, (64, 48))
    writer.write(grey(9), times=5)
    assert not (tmp_path / "a.mp4").exists()
    writer.close()
    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]
    assert VideoFile(tmp_path / "a.mp4").total == writer.num_frames == 5


def test_frames_of_another_size_are_fitted(tmp_path: Path) -> None:
    writer = VideoWriter(tmp_path / "a.mp4", 25, (64, 48))
    writer.write(grey(100, (32, 90)))
    writer.close()
    (image,) = VideoFile(tmp_path / "a.mp4").frames()
    assert image.image.shape == (48, 64, 3)


def test_a_video_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot write mp4v video of 0x0"):
        VideoWriter(tmp_path / "a.mp4", 25, (0, 0))
    assert list(tmp_path.iterdir()) == []


def test_a_video_that_does_not_read_back_is_removed(tmp_path: Path) -> None:
    writer = VideoWriter(tmp_path / "a.mp4", 25, (64, 48))
    writer.write(grey(0))
    writer.num_frames += 1  # as if the last frame had found no room on the disk
    with pytest.raises(DataError, match=r"a\.mp4: could not be written to its end; is the disk full"):
        writer.close()
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_video_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_text("nonsense")
    with pytest.raises(DataError, match=r"a\.mp4: does not open as a video"):
        _ = VideoFile(tmp_path / "a.mp4").total


def test_a_video_that_is_cut_short_is_said_to_be(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    writer = cv2.VideoWriter(str(tmp_path / "a.avi"), cv2.VideoWriter.fourcc(*"MJPG"), 5, (64, 48))
    for value in range(60):
        writer.write(np.random.default_rng(value).integers(0, 256, (48, 64, 3), np.uint8))
    writer.release()
    data = (tmp_path / "a.avi").read_bytes()
    (tmp_path / "a.avi").write_bytes(data[: len(data) // 3])
    with caplog.at_level(logging.WARNING):
        frames = list(VideoFile(tmp_path / "a.avi").frames())
    assert 10 < len(frames) < 30
    assert f"ends after {len(frames)} of its 60 frames" in caplog.text

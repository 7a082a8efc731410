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


def write_video(path: Path, values: range, fps: float = 24) -> None:
    writer = VideoWriter(path, fps, (64, 48))
    for value in values:
        writer.write(grey(value))
    writer.close()


def test_reads_the_frames_that_were_written(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    write_video(path, range(0, 200, 20), fps=24)
    video = VideoFile(path)
    assert video.num_frames == 10
    frames = list(video.frames())
    assert [frame.number for frame in frames] == list(range(10))
    assert frames[0].video is not None
    assert frames[0].video.fps == pytest.approx(24)
    assert frames[0].image.shape == (48, 64, 3)
    assert [round(float(frame.image.mean()) / 20) for frame in frames] == list(range(10))


def test_file_that_is_not_a_video(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_text("nonsense")
    with pytest.raises(DataError, match=r"a\.mp4: does not open as a video"):
        _ = VideoFile(tmp_path / "a.mp4").num_frames


def test_video_that_is_cut_short_is_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
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

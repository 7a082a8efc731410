from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from yolo.errors import DataError
from yolo.inference.sources.video import VideoFile
from yolo.inference.video_writer import VideoWriter


def grey(value: int, size_wh: tuple[int, int] = (64, 48)) -> npt.NDArray[np.uint8]:
    return np.full((size_wh[1], size_wh[0], 3), value, np.uint8)


def test_video_appears_when_it_is_closed(tmp_path: Path) -> None:
    writer = VideoWriter(tmp_path / "a.mp4", 25, (64, 48))
    writer.write(grey(9), times=5)
    assert not (tmp_path / "a.mp4").exists()
    writer.close()
    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]
    assert VideoFile(tmp_path / "a.mp4").num_frames == writer.num_frames == 5


def test_frames_of_another_size_are_resized(tmp_path: Path) -> None:
    writer = VideoWriter(tmp_path / "a.mp4", 25, (64, 48))
    writer.write(grey(100, (32, 90)))
    writer.close()
    (frame,) = VideoFile(tmp_path / "a.mp4").frames()
    assert frame.image.shape == (48, 64, 3)


def test_video_that_cannot_be_written_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot write mp4v video of 0x0"):
        VideoWriter(tmp_path / "a.mp4", 25, (0, 0))
    assert list(tmp_path.iterdir()) == []


def test_video_that_cannot_be_read_back_is_removed(tmp_path: Path) -> None:
    writer = VideoWriter(tmp_path / "a.mp4", 25, (64, 48))
    writer.write(grey(0))
    writer.num_frames += 1  # as if the disk had been full at the last frame
    with pytest.raises(DataError, match=r"a\.mp4: could not be written to its end; is the disk full"):
        writer.close()
    assert list(tmp_path.iterdir()) == []

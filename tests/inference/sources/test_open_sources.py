from __future__ import annotations

import io
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from tests.serving import Answer, serving
from tests.spots import RED, paint
from yolo.errors import DataError, DownloadError
from yolo.inference.sources.image_files import EncodedImage, ImageAddress, ImageFile
from yolo.inference.sources.open_sources import open_sources
from yolo.inference.sources.stream import Camera, Stream
from yolo.inference.sources.video import VideoFile


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, with files that are named like images, a video and a text."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in" / "deep").mkdir(parents=True)
    for name in ("in/b.JPG", "in/a.png", "in/c.mp4", "in/notes.md", "in/deep/d.webp"):
        (tmp_path / name).touch()
    return tmp_path


def source_names(*given: str) -> list[str]:
    return [source.name for source in open_sources(given)]


def test_files_folders_and_patterns(folder: Path) -> None:
    assert source_names("in/b.JPG", "in") == ["in/b.JPG", "in/a.png", "in/b.JPG", "in/c.mp4"]
    assert source_names("in/*.png") == ["in/a.png"]
    assert source_names("in/**/*") == ["in/a.png", "in/b.JPG", "in/c.mp4", "in/deep/d.webp"]
    assert [type(source) for source in open_sources(["in"])] == [ImageFile, ImageFile, VideoFile]


def test_cameras_and_streams() -> None:
    assert open_sources(["0", "rtsp://u:p@cam/live", "http://cam/x.mjpg", "rtsp://cam/x.jpg"]) == [
        Camera(0),
        Stream("rtsp://u:p@cam/live"),
        Stream("http://cam/x.mjpg"),
        Stream("rtsp://cam/x.jpg"),
    ]


def test_an_address_that_ends_like_an_image_is_one() -> None:
    image = paint((16, 8), [(0, 0, RED)])
    with serving(cv2.imencode(".png", image)[1].tobytes()) as site:
        (source,) = open_sources([f"{site.url}/photos/a.PNG?size=large"])
        (frame,) = source.frames()
    assert isinstance(source, ImageAddress)
    assert (source.is_stream, source.num_frames, frame.video, frame.stem) == (False, 1, None, "127.0.0.1-photos-a")
    assert np.array_equal(frame.image, image)
    with serving(b"text", Answer(status=404)) as site:
        missing, no_image = open_sources([f"{site.url}/a.jpg", f"{site.url}/b.jpg"])
        with pytest.raises(DownloadError, match=r"a.jpg: the server answers 404"):
            list(missing.frames())
        with pytest.raises(DataError, match=r"b.jpg: does not decode as an image"):
            list(no_image.frames())


def test_list_entries_are_relative_to_the_working_folder_or_the_list(folder: Path) -> None:
    (folder / "in" / "list.txt").write_text("in/a.png\nb.JPG\n\nrtsp://cam/live\n1\n")
    assert source_names("in/list.txt") == ["in/a.png", "in/b.JPG", "rtsp://cam/live", "camera 1"]
    (folder / "bad.txt").write_text("in/a.png\nnone.png\n")
    with pytest.raises(DataError, match=r"bad\.txt:2: none\.png: no such file or folder"):
        source_names("bad.txt")


def set_stdin(monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(data)))


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".bmp", ".webp", ".tiff"])
def test_image_on_standard_input(suffix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    image = paint((32, 16), [(8, 0, RED)])
    set_stdin(monkeypatch, cv2.imencode(suffix, image)[1].tobytes())
    (source,) = open_sources(["-"])
    assert isinstance(source, EncodedImage)
    (frame,) = source.frames()
    assert frame.name == "stdin"
    np.testing.assert_allclose(frame.image, image, atol=80 if suffix in (".jpg", ".webp") else 0)


def test_list_on_standard_input(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    set_stdin(monkeypatch, b"in/a.png\nin\n")
    assert source_names("-") == ["in/a.png", "in/a.png", "in/b.JPG", "in/c.mp4"]


@pytest.mark.parametrize(
    ("data", "problem"),
    [(b"", "give an image"), (b"\xfe\xff\0nonsense", "neither an image nor a list"), (b"-\n", "give an image")],
)
def test_unusable_standard_input(data: bytes, problem: str, monkeypatch: pytest.MonkeyPatch) -> None:
    set_stdin(monkeypatch, data)
    with pytest.raises(DataError, match=f"standard input: .*{problem}"):
        source_names("-")


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("none.jpg", "none.jpg: no such file or folder; give images"),
        ("in/*.gif", r"in/\*.gif: matches no image or video \(.avi, "),
        ("empty", "empty: no images or videos in this folder"),
    ],
)
def test_names_that_match_nothing(name: str, problem: str, folder: Path) -> None:
    (folder / "empty").mkdir()
    with pytest.raises(DataError, match=problem):
        source_names(name)

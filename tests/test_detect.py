from __future__ import annotations

import json
from pathlib import Path

import cv2
import pytest

from tests.programs import call
from tests.spots import BLUE, RED, paint, write_spot_network
from yolo.data.formats.open_dataset import open_dataset
from yolo.detect import main
from yolo.inference.result_writers import LabelWriter
from yolo.inference.results import Result
from yolo.inference.sources.video import VideoFile
from yolo.inference.video_writer import VideoWriter


@pytest.fixture
def network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Flags that name a network, in a working folder with only its files."""
    monkeypatch.chdir(tmp_path)
    cfg, weights, names = write_spot_network(tmp_path)
    return ["--cfg", str(cfg), "--weights", str(weights), "--names", str(names)]


def write_video(path: Path, count: int) -> None:
    writer = VideoWriter(path, 12, (64, 64))
    for number in range(count):
        writer.write(paint((64, 64), [(8 * (number % 8), 0, RED), (8, 40, BLUE)]))
    writer.close()


def read_detections(folder: Path) -> list[dict[str, object]]:
    entries: list[dict[str, object]] = json.loads((folder / "detections.json").read_text())
    return entries


def test_images_and_videos_with_all_outputs(
    tmp_path: Path, network: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "in").mkdir()
    cv2.imwrite("in/a.png", paint((64, 64), [(8, 16, RED)]))
    write_video(tmp_path / "in" / "v.mp4", 10)
    flags = ["--save-txt", "--save-conf", "--save-crop", "--batch-size", "4"]
    assert call(monkeypatch, main, "in", *network, *flags) == 0
    assert "11/11" in capsys.readouterr().err
    folder = tmp_path / "runs" / "detect"
    assert sorted(path.name for path in folder.iterdir()) == ["a.png", "crops", "detections.json", "labels", "v.mp4"]
    entries = read_detections(folder)
    assert entries[0]["detections"] == [
        {"class_id": 0, "class": "red", "score": pytest.approx(1), "xyxy": [8, 16, 16, 24]}
    ]
    assert [entry.get("frame") for entry in entries] == [None, *range(10)]
    assert len(list((folder / "labels").iterdir())) == 11
    assert len(list((folder / "crops" / "red").iterdir())) == 11
    assert len(list((folder / "crops" / "blue").iterdir())) == 10
    frames = list(VideoFile(folder / "v.mp4").frames())
    assert len(frames) == 10
    assert frames[0].video is not None
    assert frames[0].video.fps == pytest.approx(12)


def test_only_selected_classes_and_outputs(tmp_path: Path, network: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    cv2.imwrite("a.png", paint((64, 64), [(8, 16, RED), (40, 40, BLUE)]))
    assert call(monkeypatch, main, "a.png", *network, "--classes", "blue", "--no-save", "--no-fuse") == 0
    folder = tmp_path / "runs" / "detect"
    assert [path.name for path in folder.iterdir()] == ["detections.json"]
    (entry,) = read_detections(folder)
    assert isinstance(entry["detections"], list)
    assert [found["class"] for found in entry["detections"]] == ["blue"]


def test_pre_labels_and_ranking(
    tmp_path: Path, network: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "in").mkdir()
    cv2.imwrite("in/a.png", paint((64, 64), [(8, 16, RED), (40, 40, BLUE)]))
    cv2.imwrite("in/b.png", paint((64, 64), []))
    flags = ["--no-save", "--no-save-json", "--save-labels", "yolo", "--rank-uncertain"]
    assert call(monkeypatch, main, "in", *network, *flags) == 0
    folder = tmp_path / "runs" / "detect"
    assert sorted(path.name for path in folder.iterdir()) == ["dataset", "uncertain.csv"]
    source = open_dataset(str(folder / "dataset"))
    assert source.names == ("red", "blue")
    assert sorted(source.index("train").boxes_xyxy(0).round(1).tolist()) == [[8, 16, 16, 24], [40, 40, 48, 48]]
    printed = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert [(row[0], row[-1]) for row in printed[1:]] == [("0.5000", "in/b.png"), ("0.0000", "in/a.png")]


def test_interrupt_leaves_complete_files_and_logs_the_summary(
    tmp_path: Path, network: list[str], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    write_video(tmp_path / "v.mp4", 40)
    written: list[Result] = []

    def write(self: LabelWriter, result: Result) -> None:
        written.append(result)
        if len(written) == 7:
            raise KeyboardInterrupt

    monkeypatch.setattr(LabelWriter, "write", write)
    with caplog.at_level("INFO", logger="yolo"):
        assert call(monkeypatch, main, "v.mp4", *network, "--save-txt") == 130
    assert "in 6 images" in caplog.text
    folder = tmp_path / "runs" / "detect"
    assert sorted(path.name for path in folder.iterdir()) == ["detections.json", "v.mp4"]
    assert VideoFile(folder / "v.mp4").num_frames == 7
    assert len(read_detections(folder)) == 7


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["none.jpg"], "none.jpg: no such file or folder"),
        (["bad.mp4"], "bad.mp4: does not open as a video"),
        (["bad.jpg"], "bad.jpg: is not an image that can be read"),
        (["http://127.0.0.1:9/x"], "http://127.0.0.1:9/x: no image received"),
        (["a.png", "--classes", "zebra"], "--classes zebra: no such class"),
        (["a.png", "--save-conf"], "--save-conf True: use it with --save-txt"),
        (["a.png", "--view"], "--view: this machine has no screen"),
        ([], "source : use at least one image"),
    ],
)
def test_mistakes_leave_no_files(
    arguments: list[str],
    problem: str,
    tmp_path: Path,
    network: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for variable in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr("sys.platform", "linux")
    cv2.imwrite("a.png", paint((64, 64), []))
    Path("bad.mp4").write_text("nonsense")
    Path("bad.jpg").write_text("nonsense")
    assert call(monkeypatch, main, *arguments, *network) == 2
    assert f"error: {problem}" in capsys.readouterr().err
    assert not (tmp_path / "runs").exists()

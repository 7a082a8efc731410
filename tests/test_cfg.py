from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.programs import call
from yolo.cfg import main
from yolo.darknet.cfg_file import CfgFile
from yolo.model.graph import plan, read_graph
from yolo.model.head_anchors import anchor_heads, head_anchors, num_anchors
from yolo.model.network import Darknet


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Two classes; images of 64 x 64 with boxes of 16 x 32."""
    (tmp_path / "a.png").write_bytes(cv2.imencode(".png", np.zeros((64, 64, 3), np.uint8))[1].tobytes())
    (tmp_path / "a.txt").write_text("0 0.5 0.5 0.25 0.5\n" * 2)
    (tmp_path / "train.txt").write_text("a.png\n")
    (tmp_path / "two.names").write_text("cat\ndog\n")
    path = tmp_path / "two.data"
    path.write_text("train = train.txt\nvalid = train.txt\nnames = two.names\n")
    return path


@pytest.mark.parametrize("base", ["yolov3-tiny", "yolov4-tiny", "yolov2-tiny", "yolov7-tiny", "gaussian-yolov3"])
def test_classes_and_filters_are_right(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, base: str) -> None:
    out = tmp_path / "new.cfg"
    assert call(monkeypatch, main, "new", "--base", base, "--classes", 3, "--img-size", 96, "--out", out) == 0
    model = Darknet.from_cfg(CfgFile.read(out))
    assert (model.num_classes, model.net.width, model.net.height) == (3, 96, 96)
    for node in model.heads:
        assert node.in_shapes[0].channels == node.spec.num_channels(3)  # type: ignore[attr-defined]
    assert np.array_equal(head_anchors(read_graph(out)), head_anchors(read_graph(base)))


def test_anchors_fit_the_data_at_the_size_of_the_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, data: Path, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.chdir(tmp_path)
    caplog.set_level("INFO")
    flags = ("--base", "yolov4-tiny", "--data", data, "--anchors", "auto", "--img-size", 128)
    assert call(monkeypatch, main, "new", *flags) == 0
    cfg = CfgFile.read("yolov4-tiny-two.cfg")
    assert Darknet.from_cfg(cfg).num_classes == 2
    assert np.abs(head_anchors(plan(cfg)) - [32, 64]).sum(axis=1).min() < 0.5  # 16 x 32 of 64 x 64, at 128
    assert "mean best IoU" in caplog.text


def test_a_head_for_small_objects(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, data: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    out = tmp_path / "small.cfg"
    flags = ("--base", "shapes", "--data", data, "--small-objects", "--img-size", 64, "--out", out)
    assert call(monkeypatch, main, "new", *flags) == 0
    graph = read_graph(out)
    assert [head.stride for head in anchor_heads(graph)] == [(4, 4), (8, 8), (16, 16)]
    assert num_anchors(graph) == 9
    assert np.abs(head_anchors(graph) - [16, 32]).sum(axis=1).min() < 0.5  # all boxes have this size


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ("--base yolov3-tiny", "--classes is missing: give it, or --data, whose classes are counted"),
        ("--base yolov3-tiny --classes 2 --img-size 31", "--img-size 31: use 32 or more"),
        ("--base yolov3-tiny --classes 0", "--classes 0: use 1 or more"),
        ("--base yolov3-tiny --classes 2 --anchors auto", "--anchors auto: needs the boxes of a data set; give --data"),
        ("--base yolov3-tiny --data two.data --classes 3", "--classes 3: two.data has 2; leave one of them out"),
        ("--base shapes --classes 2 --small-objects", "--small-objects: needs the boxes of a data set"),
        ("--base yolov3-5l --data two.data --small-objects", "[yolo]: is at stride 2; a head at stride 4 needs one at"),
        ("--base yolov2-tiny --data two.data --small-objects", "[region]: only [yolo] and [Gaussian_yolo] heads"),
        ("--base darknet53 --classes 3", "no detection head"),
        ("--base yolov3-tiny --classes 3 --out two.data", "--out two.data: already exists"),
    ],
)
def test_mistakes(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], data: Path, flags: str, message: str
) -> None:
    monkeypatch.chdir(data.parent)
    assert call(monkeypatch, main, "new", *flags.split()) == 2
    assert message in capsys.readouterr().err

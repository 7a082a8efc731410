from __future__ import annotations

from pathlib import Path

import pytest
import torch

from yolo.boxes.darknet_nms import DarknetCandidates
from yolo.darknet.cfg_file import CfgFile
from yolo.data.sample import Batch, Letterbox
from yolo.errors import CfgError
from yolo.inference.darknet_detector import DarknetDetector, read_nms_keys
from yolo.model.network import Darknet

NET = "[net]\nwidth=64\nheight=32\nchannels=3\n[convolutional]\nfilters=7\nsize=32\nstride=32\n[yolo]\n"
HEAD = "mask=0\nanchors=16,16\nclasses=2\nnum=1\n"


def network(tmp_path: Path, keys: str = "") -> Darknet:
    (tmp_path / "a.cfg").write_text(NET + HEAD + keys)
    return Darknet.from_cfg(CfgFile.read(tmp_path / "a.cfg")).eval()


@pytest.mark.parametrize(("fit", "expected"), [("stretch", [50, 12.5, 150, 37.5]), ("letterbox", [50, 0, 150, 50])])
def test_boxes_are_in_pixels_of_the_image_and_in_darknets_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fit: str, expected: list[float]
) -> None:
    assert fit in ("stretch", "letterbox")
    detector = DarknetDetector(network(tmp_path), fit="stretch" if fit == "stretch" else "letterbox")
    boxes = torch.tensor([[0.5, 0.5, 0.5, 0.5], [0.9, 0.5, 0.4, 0.5], [0.1, 0.5, 0.1, 0.5]])
    scores = torch.tensor([[0.9, 0.0], [0.5, 0.3], [0.7, 0.3]])
    candidates = DarknetCandidates(boxes, torch.ones(3), scores)
    monkeypatch.setattr(Darknet, "candidates", lambda *_: [candidates])
    batch = Batch(torch.zeros(1, 3, 32, 64), torch.zeros(0, 6), (0,), (Letterbox(1, 1, 0, 0, 200, 50),))
    (found,) = detector(batch)
    # The last class decides: .3 and .3, then the first class among equals, .7 before .5.
    assert found.score.tolist() == pytest.approx([0.7, 0.3, 0.5, 0.3, 0.9])
    assert found.class_id.tolist() == [0, 1, 0, 1, 0]
    assert found.xyxy[-1].tolist() == pytest.approx(expected)
    assert found.xyxy[2, 2] == pytest.approx(220)  # not clipped to the image


def test_nms_keys_of_the_last_head(tmp_path: Path) -> None:
    assert read_nms_keys(network(tmp_path)) == ("default", 0.6)
    assert read_nms_keys(network(tmp_path, "nms_kind=diounms\nbeta_nms=0.9\n")) == ("diounms", 0.9)
    region = NET.replace("[yolo]", "[region]") + "anchors=1,1\nclasses=2\nnum=1\n"
    (tmp_path / "r.cfg").write_text(region)
    assert read_nms_keys(Darknet.from_cfg(CfgFile.read(tmp_path / "r.cfg"))) == ("default", 0.6)
    gaussian = NET.replace("[yolo]", "[Gaussian_yolo]").replace("filters=7", "filters=11") + HEAD
    (tmp_path / "g.cfg").write_text(gaussian + "nms_kind=cornersnms\n")
    with pytest.raises(CfgError, match=r"g\.cfg:14: nms_kind=cornersnms: use default"):
        read_nms_keys(Darknet.from_cfg(CfgFile.read(tmp_path / "g.cfg")))

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from yolo.boxes.darknet_nms import DarknetCandidates
from yolo.darknet.cfg_file import CfgFile
from yolo.data.index import Index, Record
from yolo.errors import CfgError, DataError
from yolo.inference.darknet_detector import DarknetDetector, read_nms_keys
from yolo.inference.darknet_loader import DarknetLoader
from yolo.model.network import Darknet

NET = "[net]\nwidth=64\nheight=32\nchannels=3\n[convolutional]\nfilters=7\nsize=32\nstride=32\n[yolo]\n"
HEAD = "mask=0\nanchors=16,16\nclasses=2\nnum=1\n"


def network(tmp_path: Path, keys: str = "") -> Darknet:
    (tmp_path / "a.cfg").write_text(NET + HEAD + keys)
    return Darknet.from_cfg(CfgFile.read(tmp_path / "a.cfg")).eval()


def split(tmp_path: Path) -> Index:
    image = np.zeros((50, 200, 3), np.uint8)
    image[:, :100] = (0, 0, 255)  # red, on the left
    cv2.imwrite(str(tmp_path / "a.png"), image)
    empty = (np.zeros((0, 4)), np.zeros(0, np.int64), np.zeros(0, np.bool_))
    return Index.from_records(["a", "b"], [Record(tmp_path / "a.png", 200, 50, *empty)])


def test_images_are_floats_in_rgb_of_the_networks_size(tmp_path: Path) -> None:
    (batch,) = DarknetLoader(split(tmp_path), (64, 32), "stretch", workers=0)
    assert batch.images.shape == (1, 3, 32, 64)
    assert batch.images[0, :, 0, 0].tolist() == [1, 0, 0]
    assert batch.images[0, :, 0, -1].tolist() == [0, 0, 0]
    (batch,) = DarknetLoader(split(tmp_path), (64, 32), "letterbox", workers=0)
    assert batch.images[0, :, 0, 0].tolist() == [0.5] * 3  # a bar: 64 x 16 of the image in 64 x 32
    assert batch.images[0, :, 16, 0].tolist() == [1, 0, 0]


def test_an_image_that_is_gone(tmp_path: Path) -> None:
    index = split(tmp_path)
    (tmp_path / "a.png").unlink()
    with pytest.raises(DataError, match=r"a\.png: cannot be read"):
        list(DarknetLoader(index, (64, 32), "stretch", workers=0))


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
    (batch,) = DarknetLoader(split(tmp_path), (64, 32), detector.fit, workers=0)
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

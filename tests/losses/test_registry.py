from __future__ import annotations

import pytest

from yolo.config.loss_settings import LossName, LossSettings
from yolo.darknet.cfg_file import CfgFile
from yolo.errors import SettingsError
from yolo.losses.anchor_iou_loss import AnchorIouLoss
from yolo.losses.darknet.darknet_loss import DarknetLoss
from yolo.losses.registry import build_loss
from yolo.losses.task_aligned_loss import TaskAlignedLoss
from yolo.model.network import Darknet

NET = "[net]\nwidth=32\nheight=32\n"
HEADS = {
    "yolo": "[convolutional]\nfilters=7\n[yolo]\nclasses=2\nanchors=8,8\n",
    "region": "[convolutional]\nfilters=7\n[region]\nclasses=2\nanchors=1,1\n",
    "Gaussian_yolo": "[convolutional]\nfilters=11\n[Gaussian_yolo]\nclasses=2\nanchors=8,8\n",
    "detection": "[connected]\noutput=7\n[detection]\nclasses=2\ncoords=4\nside=1\n",
}


def network(text: str) -> Darknet:
    return Darknet.from_cfg(CfgFile.parse(NET + text, "a.cfg"))


@pytest.mark.parametrize("kind", HEADS)
def test_darknet_loss_supports_every_head(kind: str) -> None:
    loss = build_loss(LossSettings(loss="darknet"), network(HEADS[kind]))
    assert isinstance(loss, DarknetLoss)


YOLO_LOSSES: dict[LossName, type] = {"task-aligned": TaskAlignedLoss, "shape-match": AnchorIouLoss}


@pytest.mark.parametrize("name", YOLO_LOSSES)
def test_loss_for_yolo_heads_is_built_by_name(name: LossName) -> None:
    loss = build_loss(LossSettings(loss=name), network(HEADS["yolo"]))
    assert type(loss) is YOLO_LOSSES[name]


@pytest.mark.parametrize("name", YOLO_LOSSES)
@pytest.mark.parametrize("kind", ["region", "Gaussian_yolo", "detection"])
def test_other_heads_are_rejected_with_a_remedy(name: LossName, kind: str) -> None:
    with pytest.raises(SettingsError, match=rf"a.cfg:6: --loss {name} .*\[{kind}\]; use --loss darknet"):
        build_loss(LossSettings(loss=name), network(HEADS[kind]))


def test_network_without_a_head_is_rejected() -> None:
    with pytest.raises(SettingsError, match=r"^a\.cfg: has no detection head to train; give the cfg of a detector$"):
        build_loss(LossSettings(loss="darknet"), network("[convolutional]\nfilters=7\n"))

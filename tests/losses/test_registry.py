from __future__ import annotations

import pytest

from yolo.config.loss_settings import LossName, LossSettings
from yolo.darknet.cfg_file import CfgFile
from yolo.errors import SettingsError
from yolo.losses.anchor_loss import ShapeMatchLoss
from yolo.losses.darknet.loss import DarknetLoss
from yolo.losses.registry import build_loss
from yolo.losses.simota_loss import CostMatchLoss
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
def test_darknet_knows_every_head(kind: str) -> None:
    loss = build_loss(LossSettings(loss="darknet"), network(HEADS[kind]))
    assert isinstance(loss, DarknetLoss)


MATCHING: dict[LossName, type] = {"cost-match": CostMatchLoss, "shape-match": ShapeMatchLoss}


@pytest.mark.parametrize("name", MATCHING)
def test_losses_that_match_know_yolo(name: LossName) -> None:
    loss = build_loss(LossSettings(loss=name), network(HEADS["yolo"]))
    assert type(loss) is MATCHING[name]


@pytest.mark.parametrize("name", MATCHING)
@pytest.mark.parametrize("kind", ["region", "Gaussian_yolo", "detection"])
def test_other_heads_are_refused_with_the_loss_that_trains_them(name: LossName, kind: str) -> None:
    with pytest.raises(SettingsError, match=rf"a.cfg:6: --loss {name} .*\[{kind}\]; use --loss darknet"):
        build_loss(LossSettings(loss=name), network(HEADS[kind]))


def test_a_classifier_has_nothing_to_train() -> None:
    with pytest.raises(SettingsError, match="no detection head"):
        build_loss(LossSettings(loss="darknet"), network("[convolutional]\nfilters=7\n"))

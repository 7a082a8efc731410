from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from yolo.darknet.cfg_file import CfgFile
from yolo.model.graph import plan, with_classes
from yolo.model.network import Darknet

if TYPE_CHECKING:
    import pytest

HEAD = """[net]
width=32
height=32
[convolutional]
filters=14
colour=red
[yolo]
anchors=1,2,3,4
mask=0,1
num=2
classes=2
"""


def test_unknown_keys_warn_once_even_if_the_graph_is_edited(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        graph = with_classes(plan(CfgFile.parse(HEAD, "a.cfg")), 3)
        Darknet(graph)
    assert caplog.messages == ["a.cfg:6: 'colour=red': unknown key in [convolutional]; ignored"]


def test_an_edited_graph_equals_the_graph_of_the_edited_cfg() -> None:
    edited = with_classes(plan(CfgFile.parse(HEAD, "a.cfg")), 3)
    assert edited == plan(CfgFile.parse(edited.cfg.text, "a.cfg"))
    assert (edited.num_classes, edited.nodes[0].out_shape.channels) == (3, 16)

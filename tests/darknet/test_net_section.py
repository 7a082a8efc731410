from __future__ import annotations

import pytest

from yolo.darknet.cfg_file import CfgFile
from yolo.darknet.cfg_keys import read_keys
from yolo.darknet.net_section import NetSection
from yolo.errors import CfgError


def read_net(*lines: str) -> NetSection:
    return read_keys(NetSection, CfgFile.parse("[net]\n" + "\n".join(lines) + "\n[maxpool]\n", "a.cfg").net)


@pytest.mark.parametrize(
    ("lines", "shape"),
    [
        (["width=64", "height=32"], (3, 32, 64)),
        (["width=64", "height=32", "channels=1"], (1, 32, 64)),
        (["inputs=10"], (10, 1, 1)),  # a vector
    ],
)
def test_input_shape(lines: list[str], shape: tuple[int, int, int]) -> None:
    assert read_net(*lines).input_shape == shape


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["height=3"], "a.cfg:1: [net] without 'width': must be 1 or more"),
        (["inputs=-1"], "a.cfg:2: 'inputs=-1': must be 0 or more"),
        (["inputs=3", "batch=0"], "a.cfg:3: 'batch=0': must be 1 or more"),
        (["inputs=3", "learning_rate=0"], "a.cfg:3: 'learning_rate=0': must be above 0"),
        (["inputs=3", "policy=poly"], "a.cfg:1: [net] without 'max_batches': policy=poly needs 1 or more"),
    ],
)
def test_invalid_value(lines: list[str], message: str) -> None:
    with pytest.raises(CfgError) as caught:
        read_net(*lines)
    assert str(caught.value) == message

from __future__ import annotations

import torch

from yolo.darknet.cfg_file import CfgFile
from yolo.model.network import Darknet


def build_vector_network(layers: str) -> Darknet:
    return Darknet.from_cfg(CfgFile.parse(f"[net]\ninputs=3\n{layers}", "a.cfg")).eval()


def test_network_with_vector_input() -> None:
    model = build_vector_network("[connected]\noutput=2\n[softmax]\n[cost]\n")
    (out,) = model(torch.rand(5, 3))
    assert out.shape == (5, 2, 1, 1)  # [cost] is not the output
    torch.testing.assert_close(out.sum(1).flatten(), torch.ones(5))

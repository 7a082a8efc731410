from __future__ import annotations

import copy
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from yolo.darknet.cfg_file import CfgFile
from yolo.model.fusing import fuse
from yolo.model.network import Darknet

NET = "[net]\nwidth=16\nheight=16\nchannels=4\n"
CONV = "[convolutional]\nfilters=8\nsize=3\npad=1\nactivation=leaky\nbatch_normalize=1\n"
XNOR = "[convolutional]\nfilters=8\nsize=3\npad=1\nactivation=leaky\nxnor=1\nbatch_normalize=1\n"
PLAIN = "[convolutional]\nfilters=3\nactivation=linear\n"


def build_randomized(cfg: CfgFile) -> Darknet:
    """Build a model with random normalisation statistics and scales."""
    torch.manual_seed(1)
    model = Darknet.from_cfg(cfg).eval()
    for norm in norms(model):
        assert norm.running_mean is not None
        assert norm.running_var is not None
        norm.running_mean.normal_(0, 0.3)
        norm.running_var.uniform_(0.3, 2)
        nn.init.uniform_(norm.weight, 0.5, 1.5)
        nn.init.normal_(norm.bias, 0, 0.3)
    return model


def norms(model: nn.Module) -> list[nn.BatchNorm2d | nn.BatchNorm1d]:
    return [module for module in model.modules() if isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d))]


def max_relative_difference(model: Darknet, fused: Darknet, images: Tensor) -> float:
    """Return the largest difference of any output relative to that output's largest value."""
    with torch.inference_mode():
        pairs = zip(model(images), fused(images), strict=True)
        return max(float((a - b).abs().max() / a.abs().max()) for a, b in pairs)


LAYERS = {
    "groups and dilation": CONV.replace("pad=1", "padding=2\ngroups=4\ndilation=2") + PLAIN,
    "cross-batch normalisation": CONV.replace("batch_normalize=1", "cbn=1") + PLAIN,
    "blur": CONV + "stride=2\nantialiasing=1\n" + PLAIN,
    "shared": CONV.replace("filters=8", "filters=4") * 2 + "share_index=0\n" + PLAIN,
    "connected": "[connected]\noutput=5\nactivation=tanh\nbatch_normalize=1\n",
    "rnn": "[rnn]\nhidden=4\noutput=3\nbatch_normalize=1\n",
    "crnn": "[crnn]\nhidden=4\noutput=3\npad=1\nbatch_normalize=1\n" + PLAIN,
    "gru": "[gru]\noutput=3\nbatch_normalize=1\n",
    "lstm": "[lstm]\noutput=3\nbatch_normalize=1\n",
    "after xnor": XNOR + CONV + PLAIN,
}
NUM_KEPT_NORMS = {  # case -> norms that are not folded
    "after xnor": 1,
}


@pytest.mark.parametrize("case", LAYERS)
def test_a_fused_layer_gives_the_same_outputs_and_leaves_the_model_unchanged(case: str) -> None:
    model = build_randomized(CfgFile.parse(NET + LAYERS[case], "a.cfg"))
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    fused = fuse(model)
    assert max_relative_difference(model, fused, torch.rand(2, 4, 16, 16)) < 1e-5
    assert len(norms(fused)) == NUM_KEPT_NORMS.get(case, 0)
    assert before.keys() == model.state_dict().keys()
    assert all(torch.equal(model.state_dict()[name], tensor) for name, tensor in before.items())


@pytest.mark.parametrize("name", ["shapes", "enet", "yolov4-tiny", "yolov7-tiny"])
def test_a_fused_shipped_network_gives_the_same_outputs(name: str) -> None:
    model = build_randomized(CfgFile.read(name))
    fused = fuse(model)
    assert norms(fused) == []
    assert max_relative_difference(model, fused, torch.rand(1, 3, 64, 64)) < 1e-5


def test_norms_before_and_in_xnor_layers_are_not_folded() -> None:
    model = build_randomized(CfgFile.parse(NET + CONV + XNOR + PLAIN, "a.cfg"))
    fused = fuse(model)
    assert len(norms(fused)) == 2
    assert max_relative_difference(model, fused, torch.rand(1, 4, 16, 16)) == 0


def test_a_batchnorm_section_is_not_folded() -> None:
    model = build_randomized(CfgFile.parse(NET + CONV + "[batchnorm]\n" + PLAIN, "a.cfg"))
    assert len(norms(fuse(model))) == 1


def test_shared_layers_still_share_parameters() -> None:
    fused = fuse(build_randomized(CfgFile.parse(NET + LAYERS["shared"], "a.cfg")))
    first, second = list(fused.layers)[:2]
    assert isinstance(first.conv, nn.Conv2d)
    assert isinstance(second.conv, nn.Conv2d)
    assert first.conv.weight is second.conv.weight
    assert first.conv.bias is second.conv.bias


def test_the_fused_weights_load_into_the_fused_cfg(tmp_path: Path) -> None:
    fused = fuse(build_randomized(CfgFile.parse(NET + LAYERS["groups and dilation"], "a.cfg")))
    fused.save_weights(tmp_path / "a.weights")
    again = Darknet.from_cfg(CfgFile.parse(fused.cfg.text, "fused.cfg")).eval()
    again.load_weights(tmp_path / "a.weights")
    assert max_relative_difference(fused, again, torch.rand(1, 4, 16, 16)) == 0


def test_a_fused_model_is_in_eval_mode_and_fusing_again_changes_nothing() -> None:
    fused = fuse(Darknet.from_cfg(CfgFile.read("shapes")).train())
    assert not fused.training
    assert not any(parameter.requires_grad for parameter in fused.parameters())
    twice = fuse(copy.deepcopy(fused))
    assert twice.cfg.text == fused.cfg.text
    assert max_relative_difference(fused, twice, torch.rand(1, 3, 32, 32)) == 0

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


def trained(cfg: CfgFile) -> Darknet:
    """A model whose statistics are not those of the start."""
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


def furthest(model: Darknet, fused: Darknet, images: Tensor) -> float:
    """Largest difference of an output, as a part of that output's largest value."""
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
    "behind xnor": XNOR + CONV + PLAIN,
}
LEFT = {  # case -> norms that stay
    "behind xnor": 1,
}


@pytest.mark.parametrize("case", LAYERS)
def test_folded_layer_answers_as_before(case: str) -> None:
    model = trained(CfgFile.parse(NET + LAYERS[case], "a.cfg"))
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    fused = fuse(model)
    assert furthest(model, fused, torch.rand(2, 4, 16, 16)) < 1e-5
    assert len(norms(fused)) == LEFT.get(case, 0)
    assert before.keys() == model.state_dict().keys()
    assert all(torch.equal(model.state_dict()[name], tensor) for name, tensor in before.items())


@pytest.mark.parametrize("name", ["shapes", "enet", "yolov4-tiny", "yolov7-tiny"])
def test_shipped_network_answers_as_before(name: str) -> None:
    model = trained(CfgFile.read(name))
    fused = fuse(model)
    assert norms(fused) == []
    assert furthest(model, fused, torch.rand(1, 3, 64, 64)) < 1e-5


def test_what_comes_before_signs_is_left_alone() -> None:
    model = trained(CfgFile.parse(NET + CONV + XNOR + PLAIN, "a.cfg"))
    fused = fuse(model)
    assert len(norms(fused)) == 2
    assert furthest(model, fused, torch.rand(1, 4, 16, 16)) == 0


def test_standalone_norm_stays() -> None:
    model = trained(CfgFile.parse(NET + CONV + "[batchnorm]\n" + PLAIN, "a.cfg"))
    assert len(norms(fuse(model))) == 1


def test_sharing_layers_go_on_sharing() -> None:
    fused = fuse(trained(CfgFile.parse(NET + LAYERS["shared"], "a.cfg")))
    first, second = list(fused.layers)[:2]
    assert isinstance(first.conv, nn.Conv2d)
    assert isinstance(second.conv, nn.Conv2d)
    assert first.conv.weight is second.conv.weight
    assert first.conv.bias is second.conv.bias


def test_weights_and_cfg_of_the_fused_network_go_together(tmp_path: Path) -> None:
    fused = fuse(trained(CfgFile.parse(NET + LAYERS["groups and dilation"], "a.cfg")))
    fused.save_weights(tmp_path / "a.weights")
    again = Darknet.from_cfg(CfgFile.parse(fused.cfg.text, "fused.cfg")).eval()
    again.load_weights(tmp_path / "a.weights")
    assert furthest(fused, again, torch.rand(1, 4, 16, 16)) == 0


def test_fused_is_ready_for_inference_and_the_same_twice() -> None:
    fused = fuse(Darknet.from_cfg(CfgFile.read("shapes")).train())
    assert not fused.training
    assert not any(parameter.requires_grad for parameter in fused.parameters())
    twice = fuse(copy.deepcopy(fused))
    assert twice.cfg.text == fused.cfg.text
    assert furthest(fused, twice, torch.rand(1, 3, 32, 32)) == 0

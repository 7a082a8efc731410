from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tests.model.test_network import SMALL, randomized, small
from tests.programs import call
from yolo import cfg
from yolo.checkpoints.loading import load_model
from yolo.checkpoints.state_dict import ModelState, write_state
from yolo.darknet.cfg_file import CfgFile
from yolo.darknet.data_file import read_names
from yolo.model.graph import plan
from yolo.model.network import Darknet
from yolo.training.build_model import build_model


@pytest.fixture
def weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Darknet:
    """A network of one class, written as a.pt, and as a.weights with a.cfg."""
    monkeypatch.chdir(tmp_path)
    model = randomized(small()).eval()
    model.images_seen = 7
    write_state(Path("a.pt"), ModelState(tensors=model.state_dict(), images_seen=7, cfg=SMALL, names=("cat",)))
    model.save_weights("a.weights")
    Path("a.cfg").write_text(SMALL)
    Path("a.names").write_text("cat\n")
    return model


@pytest.mark.parametrize("source", ["a.pt", "a.weights --cfg a.cfg --names a.names"])
def test_the_extended_network_detects_the_old_class_as_before(
    source: str, weights: Darknet, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    assert call(monkeypatch, cfg.main, "add-class", "--weights", *source.split(), "dog", "big owl", "--out", "new") == 0
    assert "new/extended.pt: 3 classes: cat, dog, big owl" in caplog.text
    model, names = load_model(None, "new/extended.pt", torch.device("cpu"))
    assert names == ("cat", "dog", "big owl") == read_names(Path("new/extended.names"))
    assert (model.num_classes, model.images_seen) == (3, 7)
    assert model.cfg.text == CfgFile.read("new/extended.cfg").text
    images = torch.rand(2, 3, 32, 32)
    with torch.no_grad():
        before, after = (net.decode(net(images), (32, 32)) for net in (weights, model))
    # the same numbers, but PyTorch may sum a convolution with more outputs in another order
    torch.testing.assert_close(after.boxes_xyxy, before.boxes_xyxy, rtol=1e-3, atol=0)
    torch.testing.assert_close(after.scores[..., :1], before.scores, rtol=1e-4, atol=1e-6)
    assert after.scores[..., 1:].max() <= 0.01


def test_training_continues_the_extended_network_whatever_the_order_of_the_classes(
    weights: Darknet, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    call(monkeypatch, cfg.main, "add-class", "--weights", "a.pt", "dog", "--out", "new")
    graph = plan(CfgFile.read("new/extended.cfg"))
    caplog.set_level("INFO")
    images = torch.rand(1, 3, 32, 32)
    scores = {}
    for names in (("cat", "dog"), ("dog", "cat")):
        model = build_model(graph, "new/extended.pt", names).eval()
        with torch.no_grad():
            scores[names] = model.decode(model(images), (32, 32)).scores
    assert caplog.text.count("new/extended.pt: classes brought into the order of the data set: dog, cat") == 1
    assert torch.equal(scores["cat", "dog"], scores["dog", "cat"].flip(-1))
    build_model(plan(weights.cfg), "a.pt", ("cat", "dog"))
    assert "the weights know cat: python -m yolo.cfg add-class keeps what the heads have learnt" in caplog.text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("--weights a.pt cat --out new", "add-class cat: use a name that is not in use: cat"),
        ("--weights a.pt dog dog --out new", "add-class dog: use a name that is not in use: cat, dog, dog"),
        ("--weights a.pt --out new", "add-class : use one or more names of new classes"),
        ("--weights a.pt dog --out a.pt", "--out a.pt: already exists"),
        ("--weights a.weights dog --out new", "--weights a.weights: this file does not contain its network; add --cfg"),
        ("--weights a.weights --cfg a.cfg dog --out new", "--weights a.weights: has no class names; give them with"),
    ],
)
def test_mistakes(
    arguments: str,
    message: str,
    weights: Darknet,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert call(monkeypatch, cfg.main, "add-class", *arguments.split()) == 2
    assert message in capsys.readouterr().err
    assert not Path("new").exists()

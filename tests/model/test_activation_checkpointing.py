from __future__ import annotations

import copy

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.layers.test_every_layer import CASES, build
from yolo import Darknet
from yolo.darknet.cfg_file import CfgFile
from yolo.model.activation_checkpointing import Dataflow, Segment, cut, peak

CONV = "[convolutional]\nfilters={}\nsize=3\npad=1\nbatch_normalize=1\nactivation=mish\n"
NETWORK = (
    "[net]\nwidth=32\nheight=32\n"
    + CONV.format(8)
    + "[maxpool]\nsize=2\nstride=2\n"
    + CONV.format(8)
    + CONV.format(8)
    + "[shortcut]\nfrom=-2\n[dropout]\nprobability={dropout}\n"
    + CONV.format(8)
    + "[convolutional]\nfilters=7\n[yolo]\nclasses=2\nnum=1\nanchors=4,4\n"
    + "[route]\nlayers=-3\n[upsample]\nstride=2\n[route]\nlayers=-1,0\n"
    + CONV.format(8)
    + "[convolutional]\nfilters=7\n[yolo]\nclasses=2\nnum=1\nanchors=4,4\n"
)
CHAIN = Dataflow(sources=((-1,), (0,), (1,), (2,)), sizes=(8, 4, 2, 1), results=(3,))
SKIP = Dataflow(sources=((-1,), (0,), (1,), (2, 0)), sizes=(8, 4, 2, 1), results=(1, 3))


def network(dropout: float = 0.0) -> Darknet:
    torch.manual_seed(0)
    return Darknet.from_cfg(CfgFile.parse(NETWORK.format(dropout=dropout)))


def step(model: Darknet, x: torch.Tensor) -> dict[str, torch.Tensor]:
    """Return loss, gradients and buffers after one forward and backward pass."""
    torch.manual_seed(1)
    loss = torch.stack([raw.square().mean() for raw in model(x)]).sum()
    if loss.requires_grad:
        loss.backward()  # type: ignore[no-untyped-call]
    gradients = {name: p.grad for name, p in model.named_parameters() if p.grad is not None}
    return {"loss": loss.detach()} | gradients | dict(model.named_buffers())


def assert_same(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> None:
    assert a.keys() == b.keys()
    assert [name for name in a if not torch.equal(a[name], b[name])] == []


@pytest.mark.parametrize("kept_macs", [0, 72, 10**9])
@pytest.mark.parametrize("channels_last", [False, True])
@pytest.mark.parametrize("dropout", [0.0, 0.5])
def test_a_step_is_bit_identical(
    dropout: float, channels_last: bool, kept_macs: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("yolo.model.activation_checkpointing.KEPT_MACS", kept_macs)
    layout = torch.channels_last if channels_last else torch.contiguous_format
    model = network(dropout).to(memory_format=layout)
    other = copy.deepcopy(model)
    other.gradient_checkpointing_enable()
    x = torch.rand(2, 3, 32, 32).to(memory_format=layout)
    for batches in (1, 2):
        assert_same(step(model, x), step(other, x))
        assert other.layers[0].bn.num_batches_tracked == batches  # type: ignore[union-attr]
    assert list(model.state_dict()) == list(other.state_dict())


@pytest.mark.parametrize("lines", CASES)
def test_every_layer_type_is_bit_identical(lines: str) -> None:
    model = build(lines).train()
    other = copy.deepcopy(model)
    other._segments = other._dataflow.segments(range(len(other.nodes)))
    x = torch.rand(2, 3, 8, 8)
    assert_same(step(model, x), step(other, x))


def test_a_step_with_frozen_layers_is_bit_identical() -> None:
    model = network()
    for layer in model.layers[:4]:
        layer.eval().requires_grad_(False)
    other = copy.deepcopy(model)
    other.gradient_checkpointing_enable()
    x = torch.rand(2, 3, 32, 32)
    assert_same(step(model, x), step(other, x))


def test_fewer_bytes_are_saved_for_the_backward_pass() -> None:
    def saved_bytes(model: Darknet) -> int:
        sizes: dict[int, int] = {}

        def record(tensor: torch.Tensor) -> torch.Tensor:
            sizes[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(record, lambda tensor: tensor):
            outputs = model(torch.rand(2, 3, 32, 32))
        del outputs
        return sum(sizes.values())

    model = network()
    whole = saved_bytes(model)
    model.gradient_checkpointing_enable()
    assert saved_bytes(model) < 0.6 * whole  # only values that cross the cuts
    model.gradient_checkpointing_disable()
    assert saved_bytes(model) == pytest.approx(whole, rel=0.1)


def test_evaluation_and_no_grad_do_not_checkpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    model = network()
    model.gradient_checkpointing_enable()
    monkeypatch.setattr("yolo.model.network.run_checkpointed", None)
    model.eval()
    assert len(model(torch.rand(1, 3, 32, 32))) == 2
    model.train()
    with torch.no_grad():
        assert len(model(torch.rand(1, 3, 32, 32))) == 2


def test_inputs_and_outputs_of_a_segment() -> None:
    assert SKIP.segment(1, 3) == Segment(1, 3, inputs=(0,), outputs=(1, 2))
    assert SKIP.segment(0, 4) == Segment(0, 4, inputs=(-1,), outputs=(1, 3))
    assert SKIP.segment(3, 4) == Segment(3, 4, inputs=(0, 2), outputs=(3,))


def test_values_that_cross_each_cut() -> None:
    assert CHAIN.crossing() == [0, 8, 4, 2]
    assert SKIP.crossing() == [0, 8, 8 + 4, 8 + 4 + 2]  # layer 1 is a result and stays to the end


def test_peak_is_the_largest_segment_plus_the_values_kept_before_it() -> None:
    assert peak(CHAIN, CHAIN.segments((0,))) == 3 * 15
    assert peak(CHAIN, CHAIN.segments((0, 1))) == max(3 * 8, 8 + 3 * 7)
    assert peak(CHAIN, CHAIN.segments((0, 1, 2, 3))) == 3 * 8
    assert peak(CHAIN, cut(CHAIN)) == 3 * 8


@st.composite
def graphs(draw: st.DrawFn) -> Dataflow:
    count = draw(st.integers(1, 12))
    sources = [(*draw(st.sets(st.integers(0, i - 1), max_size=2)), i - 1) if i else (-1,) for i in range(count)]
    sizes = draw(st.lists(st.integers(1, 100), min_size=count, max_size=count))
    return Dataflow(tuple(sources), tuple(sizes), (count - 1,))


@settings(deadline=None)
@given(graphs())
def test_segments_cover_the_graph_in_order(graph: Dataflow) -> None:
    segments = cut(graph)
    assert [i for segment in segments for i in range(segment.start, segment.stop)] == list(range(len(graph.sizes)))
    known = {-1}
    for segment in segments:
        assert known >= set(segment.inputs)
        known |= set(segment.outputs)
    assert known >= set(graph.results)
    assert peak(graph, segments) <= 3 * sum(graph.sizes)

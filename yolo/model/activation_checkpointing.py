"""Gradient checkpointing: a layer graph in segments, most of whose values are computed twice instead of kept.

In training every layer's intermediate values wait in memory for the backward pass. Here the graph is cut into runs of
consecutive layers; between the passes only what crosses a cut is kept, and the results of convolutions that are
expensive for their size. The rest (normalisation, activation, thin convolutions: most of the memory, little of the
time) is computed again, one segment at a time, when the backward pass needs it.
"""

from __future__ import annotations

import contextlib
import functools
import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import CheckpointPolicy, checkpoint, create_selective_checkpoint_contexts

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from contextlib import AbstractContextManager

KEPT_MACS = 2048
"""Multiply-accumulates a value from which a convolution's result is kept. In yolov3 such layers do half of the work and
give 5 % of the values that training keeps; benchmarks/grad_checkpoint.py compares other bounds."""

COPIES = 3
"""Values that a layer being trained holds for each value of its output: convolved, normalised, activated."""


@dataclass(frozen=True, slots=True)
class Segment:
    """Layers `start` to `stop` - 1, the earlier outputs that they read, and their own that are read later."""

    start: int
    stop: int
    inputs: tuple[int, ...]  # layer numbers; -1 is the network's input
    outputs: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Dataflow:
    """What cutting needs to know of a network."""

    sources: tuple[tuple[int, ...], ...]  # of each layer, the earlier layers that it reads; -1 is the network's input
    sizes: tuple[int, ...]  # of each layer's output, in values
    results: tuple[int, ...]  # layers whose outputs leave the network

    def segment(self, start: int, stop: int) -> Segment:
        """The layers from `start` on and before `stop`."""
        inputs = {source for sources in self.sources[start:stop] for source in sources if source < start}
        read_later = {source for sources in self.sources[stop:] for source in sources} | set(self.results)
        return Segment(start, stop, tuple(sorted(inputs)), tuple(i for i in range(start, stop) if i in read_later))

    def segments(self, starts: Sequence[int]) -> tuple[Segment, ...]:
        """The whole network, cut before each of `starts` (the first is 0)."""
        return tuple(self.segment(*pair) for pair in itertools.pairwise((*starts, len(self.sizes))))

    def crossing(self) -> list[int]:
        """Values that cross a cut before each layer."""
        last = dict.fromkeys(range(-1, len(self.sizes)), -1)
        for reader, sources in enumerate(self.sources):
            last |= dict.fromkeys(sources, reader)
        last |= dict.fromkeys(self.results, len(self.sizes))
        change = [0] * (len(self.sizes) + 2)
        for index, size in enumerate(self.sizes):
            change[index + 1] += size
            change[max(last[index], index) + 1] -= size
        return list(itertools.accumulate(change))[: len(self.sizes)]


def cut(graph: Dataflow) -> tuple[Segment, ...]:
    """Segments that need little memory.

    Each bound on a segment's size gives one set of cuts, made where the fewest values cross; the set with the lowest
    peak wins.
    """
    crossing, total = graph.crossing(), sum(graph.sizes)
    sets = {_starts(graph.sizes, crossing, total / parts) for parts in range(1, len(graph.sizes) + 1)}
    return min((graph.segments(starts) for starts in sorted(sets)), key=functools.partial(peak, graph))


def _starts(sizes: Sequence[int], crossing: Sequence[int], bound: float) -> tuple[int, ...]:
    """First layers of segments of at most `bound` values, or one layer; each ends in the latter half of its bound."""
    starts = [0]
    for stop in range(1, len(sizes)):
        if sum(sizes[starts[-1] : stop + 1]) > bound:
            late = [i for i in range(starts[-1] + 1, stop + 1) if sum(sizes[starts[-1] : i]) >= bound / 2]
            starts.append(min(late or [stop], key=lambda i: (crossing[i], -i)))
    return tuple(starts)


def peak(graph: Dataflow, segments: Sequence[Segment]) -> int:
    """Most values that the backward pass holds at a time: one segment's, and those that earlier ones handed on."""
    handed_on, most = 0, 0
    for segment in segments:
        most = max(most, handed_on + COPIES * sum(graph.sizes[segment.start : segment.stop]))
        handed_on += sum(graph.sizes[index] for index in segment.outputs)
    return most


class RunSegment(Protocol):
    """Computes a segment's outputs from its inputs, both in the segment's order."""

    def __call__(self, segment: Segment, /, *inputs: Tensor) -> tuple[Tensor, ...]: ...


def run_checkpointed(
    run: RunSegment, segments: Sequence[Segment], layers: Sequence[nn.Module], x: Tensor
) -> dict[int, Tensor]:
    """Run segments one after the other, keeping little for the backward pass.

    Args:
        run: computes one segment; called again in the backward pass.
        segments: of the whole network.
        layers: all layers' modules. Their buffers change once, not twice.
        x: the network's input.

    Returns:
        The outputs of all segments, by layer number.
    """
    values = {-1: x}
    for segment in segments:
        outputs = checkpoint(
            run,
            segment,
            *(values[index] for index in segment.inputs),
            use_reentrant=False,
            context_fn=functools.partial(_contexts, layers[segment.start : segment.stop]),
        )
        values |= zip(segment.outputs, outputs, strict=True)
    return values


def _contexts(layers: Sequence[nn.Module]) -> tuple[AbstractContextManager[None], AbstractContextManager[None]]:
    """What surrounds the first run of layers, and the second."""
    first, second = create_selective_checkpoint_contexts(_policy)  # type: ignore[no-untyped-call]
    return first, _second_run(layers, second)


def _policy(_context: Any, operation: Any, *arguments: Any, **_options: Any) -> CheckpointPolicy:
    """Keep an operation's result or compute it again."""
    if operation is torch.ops.aten.convolution.default and arguments[1].shape[1:].numel() >= KEPT_MACS:
        return CheckpointPolicy.MUST_SAVE
    return CheckpointPolicy.PREFER_RECOMPUTE


@contextlib.contextmanager
def _second_run(layers: Sequence[nn.Module], inner: AbstractContextManager[None]) -> Iterator[None]:
    """Give layers copies of their buffers, so that running statistics do not count a batch twice."""
    modules = [module for layer in layers for module in layer.modules()]
    originals = [(module, name, buffer) for module in modules for name, buffer in module.named_buffers(recurse=False)]
    for module, name, buffer in originals:
        setattr(module, name, buffer.clone())
    try:
        with inner:
            yield
    finally:
        for module, name, buffer in originals:
            setattr(module, name, buffer)

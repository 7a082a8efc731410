"""Gradient checkpointing: a layer graph in segments, most of whose activations are computed twice instead of kept.

In training the activations of every layer stay in memory until the backward pass. Here the graph is cut into segments
of consecutive layers. Between the passes only values that cross a cut are kept, and the results of convolutions that
are expensive for their size. The rest (normalisation, activations, thin convolutions: most of the memory, little of
the time) is computed again, one segment at a time, in the backward pass.
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
"""Multiply-accumulates per value from which the result of a convolution is kept. In yolov3 such layers do half of the
work and produce 5 % of the values that training keeps; benchmarks/grad_checkpoint.py compares other limits."""

COPIES = 3
"""Values that a trained layer keeps for each value of its output: convolved, normalised, activated."""


@dataclass(frozen=True, slots=True)
class Segment:
    """Layers `start` to `stop` - 1, the earlier outputs that they read, and their outputs that are read later."""

    start: int
    stop: int
    inputs: tuple[int, ...]  # layer numbers; -1 is the network's input
    outputs: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Dataflow:
    """The sources, sizes and results of the layers of a network."""

    sources: tuple[tuple[int, ...], ...]  # of each layer, the earlier layers that it reads; -1 is the network's input
    sizes: tuple[int, ...]  # of each layer's output, in values
    results: tuple[int, ...]  # layers whose outputs leave the network

    def segment(self, start: int, stop: int) -> Segment:
        """Return the segment of the layers `start` to `stop` - 1."""
        inputs = {source for sources in self.sources[start:stop] for source in sources if source < start}
        read_later = {source for sources in self.sources[stop:] for source in sources} | set(self.results)
        return Segment(start, stop, tuple(sorted(inputs)), tuple(i for i in range(start, stop) if i in read_later))

    def segments(self, starts: Sequence[int]) -> tuple[Segment, ...]:
        """Return the whole network, cut before each of `starts` (the first is 0)."""
        return tuple(self.segment(*pair) for pair in itertools.pairwise((*starts, len(self.sizes))))

    def crossing(self) -> list[int]:
        """Return the number of values that cross a cut before each layer."""
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
    """Cut a network into segments that need little memory.

    Each limit on the size of a segment gives one set of cuts, made where the fewest values cross; the set with the
    lowest peak is chosen.
    """
    crossing, total = graph.crossing(), sum(graph.sizes)
    sets = {_starts(graph.sizes, crossing, total / parts) for parts in range(1, len(graph.sizes) + 1)}
    return min((graph.segments(starts) for starts in sorted(sets)), key=functools.partial(peak, graph))


def _starts(sizes: Sequence[int], crossing: Sequence[int], bound: float) -> tuple[int, ...]:
    """Return the first layers of segments of at most `bound` values (or one layer), more than half of it each."""
    starts = [0]
    for stop in range(1, len(sizes)):
        if sum(sizes[starts[-1] : stop + 1]) > bound:
            late = [i for i in range(starts[-1] + 1, stop + 1) if sum(sizes[starts[-1] : i]) >= bound / 2]
            starts.append(min(late or [stop], key=lambda i: (crossing[i], -i)))
    return tuple(starts)


def peak(graph: Dataflow, segments: Sequence[Segment]) -> int:
    """Return the maximum number of values in the backward pass: of one segment, and of the outputs of earlier ones."""
    passed_on, most = 0, 0
    for segment in segments:
        most = max(most, passed_on + COPIES * sum(graph.sizes[segment.start : segment.stop]))
        passed_on += sum(graph.sizes[index] for index in segment.outputs)
    return most


class RunSegment(Protocol):
    """Computes a segment's outputs from its inputs, both in the segment's order."""

    def __call__(self, segment: Segment, /, *inputs: Tensor) -> tuple[Tensor, ...]: ...


def run_checkpointed(
    run: RunSegment, segments: Sequence[Segment], layers: Sequence[nn.Module], x: Tensor
) -> dict[int, Tensor]:
    """Run segments one after the other, keeping few values for the backward pass.

    Args:
        run: computes one segment; called again in the backward pass.
        segments: of the whole network.
        layers: the modules of all layers; their buffers are updated once, not twice.
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
    """Return the contexts of the first run of layers and of the second."""
    first, second = create_selective_checkpoint_contexts(_policy)  # type: ignore[no-untyped-call]
    return first, _second_run(layers, second)


def _policy(_context: Any, operation: Any, *arguments: Any, **_options: Any) -> CheckpointPolicy:
    """Return whether to keep the result of an operation or compute it again."""
    if operation is torch.ops.aten.convolution.default and arguments[1].shape[1:].numel() >= KEPT_MACS:
        return CheckpointPolicy.MUST_SAVE
    return CheckpointPolicy.PREFER_RECOMPUTE


@contextlib.contextmanager
def _second_run(layers: Sequence[nn.Module], inner: AbstractContextManager[None]) -> Iterator[None]:
    """Give layers copies of their buffers, so that running statistics count a batch once."""
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

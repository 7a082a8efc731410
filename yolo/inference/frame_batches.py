"""Combine the frames of several sources, and group frames of the same input size into batches."""

from __future__ import annotations

import contextlib
import itertools
from typing import TYPE_CHECKING

from yolo.inference.detector import letterbox_batch
from yolo.inference.tiling import tile_batch

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence

    from yolo.data.sample import Batch
    from yolo.data.tiles import TileGrid
    from yolo.inference.sources.frame import Frame, FrameSource


def combine_frames(sources: Sequence[FrameSource]) -> Generator[Frame, None, None]:
    """Yield all frames of one source after another, then one frame of each stream in turn until all have ended."""
    for source in sources:
        if not source.is_stream:
            yield from source.frames()
    with contextlib.ExitStack() as stack:
        streams = [stack.enter_context(contextlib.closing(source.frames())) for source in sources if source.is_stream]
        yield from _round_robin(streams)


def batch_frames(
    frames: Generator[Frame, None, None], batch_size: int, input_wh: Callable[[Frame], tuple[int, int]]
) -> Generator[tuple[list[Frame], Batch], None, None]:
    """Yield batches of consecutive frames with the same input size, and the letterboxed network input of each batch.

    Args:
        frames: closed when this generator is closed.
        batch_size: maximum number of frames per batch.
        input_wh: the width and height of the network input for a frame.
    """
    with contextlib.closing(frames):
        for size_wh, same_size in itertools.groupby(frames, key=input_wh):
            while chunk := list(itertools.islice(same_size, batch_size)):
                yield chunk, letterbox_batch([frame.image for frame in chunk], size_wh)


def tile_frames(
    frames: Generator[Frame, None, None], grid: TileGrid, size: int
) -> Generator[tuple[list[Frame], Batch], None, None]:
    """Yield each frame with the batch of its tiles, in network inputs of a size; `frames` is closed with this."""
    with contextlib.closing(frames):
        for frame in frames:
            yield [frame], tile_batch(frame.image, grid, size)


def _round_robin(streams: Sequence[Iterator[Frame]]) -> Iterator[Frame]:
    active = list(streams)
    while active:
        for stream in list(active):
            frame = next(stream, None)
            if frame is None:
                active.remove(stream)
            else:
                yield frame

from __future__ import annotations

from collections.abc import Generator

import numpy as np

from yolo.inference.frame_batches import batch_frames, combine_frames
from yolo.inference.sources.frame import Frame


class FakeSource:
    """A source of black images with a known number of frames."""

    num_frames = None

    def __init__(self, name: str, count: int, *, is_stream: bool) -> None:
        self.name = name
        self.is_stream = is_stream
        self.closed = False
        self._count = count

    def frames(self) -> Generator[Frame, None, None]:
        try:
            for number in range(self._count):
                yield Frame(np.zeros((8, 8 + 8 * number, 3), np.uint8), self.name, number=number)
        finally:
            self.closed = True


def test_files_come_first_and_streams_take_turns() -> None:
    sources = [
        FakeSource("a", 3, is_stream=True),
        FakeSource("file", 2, is_stream=False),
        FakeSource("b", 1, is_stream=True),
    ]
    assert [frame.name for frame in combine_frames(sources)] == ["file", "file", "a", "b", "a", "a"]


def test_closing_closes_all_streams() -> None:
    sources = [FakeSource(name, 5, is_stream=True) for name in "ab"]
    frames = combine_frames(sources)
    assert [next(frames).name for _ in range(3)] == ["a", "b", "a"]
    frames.close()
    assert [source.closed for source in sources] == [True, True]


def test_a_batch_has_consecutive_frames_of_one_input_size() -> None:
    def frames() -> Generator[Frame, None, None]:
        for number in range(6):
            yield Frame(np.zeros((8, 8, 3), np.uint8), "a", number=number)

    sides = [16, 16, 16, 8, 8, 16]
    batches = list(batch_frames(frames(), 2, lambda frame: (sides[frame.number], 8)))
    assert [[frame.number for frame in chunk] for chunk, _ in batches] == [[0, 1], [2], [3, 4], [5]]
    assert [tuple(batch.images.shape) for _, batch in batches] == [
        (2, 3, 8, 16),
        (1, 3, 8, 16),
        (2, 3, 8, 8),
        (1, 3, 8, 16),
    ]

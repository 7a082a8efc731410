"""A baseline JPEG's quantised coefficients, for decoding it to the very pixels of another program.

Huffman codes are followed in Python, but looked up for every bit of the file at once, so that a step is two additions.
Axes: P bits of the file's entropy-coded data, H and W pixels, 64 coefficients a block in zigzag order.

Source: ITU-T T.81.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

BLOCK = 64
START, BASELINE, HUFFMAN, QUANTISATION, RESTART, SCAN, ADOBE = 0xD8, 0xC0, 0xC4, 0xDB, 0xDD, 0xDA, 0xEE
OTHER_FRAMES = frozenset(range(0xC1, 0xD0)) - {HUFFMAN, 0xC8, 0xCC}


@dataclass(frozen=True, slots=True)
class Component:
    """Luma, or one chroma."""

    across: int  # blocks a unit, beside each other
    down: int
    quantisation: npt.NDArray[np.int64]  # (64,)
    coefficients: npt.NDArray[np.int64]  # (rows, columns, 64), of blocks


@dataclass(frozen=True, slots=True)
class Jpeg:
    """A file's content."""

    width: int
    height: int
    components: tuple[Component, ...]


class _NotBaselineError(Exception):
    """The file is of a kind that is not read here."""


@dataclass(slots=True)
class _Header:
    quantisation: dict[int, npt.NDArray[np.int64]] = field(default_factory=dict)
    codes: dict[int, tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]] = field(default_factory=dict)
    size: tuple[int, int] = (0, 0)  # height, width
    shapes: list[tuple[int, int, int, int]] = field(default_factory=list)  # id, across, down, quantisation table
    interval: int = 0  # units between restarts


def read_coefficients(data: bytes) -> Jpeg | None:
    """Parse a file; None if it is no JPEG of one baseline scan, or is damaged."""
    try:
        return _read(data)
    except (_NotBaselineError, IndexError, KeyError, ValueError):
        return None


def _read(data: bytes) -> Jpeg:
    if data[:2] != bytes([0xFF, START]):
        raise _NotBaselineError
    header, at = _Header(), 2
    while True:
        while data[at + 1] == 0xFF:  # fill bytes
            at += 1
        marker, length = data[at + 1], int.from_bytes(data[at + 2 : at + 4], "big")
        if data[at] != 0xFF or marker in OTHER_FRAMES:
            raise _NotBaselineError
        content, at = data[at + 4 : at + 2 + length], at + 2 + length
        if marker == SCAN:
            return _scan(header, content, data[at:])
        _take(header, marker, content)


def _take(header: _Header, marker: int, content: bytes) -> None:
    if marker == QUANTISATION:
        while content:
            wide, number = content[0] >> 4, content[0] & 15
            table = np.frombuffer(content[1 : 1 + BLOCK * (1 + wide)], ">u2" if wide else "u1")
            header.quantisation[number] = table.astype(np.int64).reshape(BLOCK)
            content = content[1 + BLOCK * (1 + wide) :]
    elif marker == HUFFMAN:
        while content:
            counts = content[1:17]
            header.codes[content[0]] = _lookup(counts, content[17 : 17 + sum(counts)])
            content = content[17 + sum(counts) :]
    elif marker == BASELINE:
        header.size = (int.from_bytes(content[1:3], "big"), int.from_bytes(content[3:5], "big"))
        rows = [content[6 + 3 * i : 9 + 3 * i] for i in range(content[5])]
        header.shapes = [(row[0], row[1] >> 4, row[1] & 15, row[2]) for row in rows]
    elif marker == RESTART:
        header.interval = int.from_bytes(content[:2], "big")
    elif marker == ADOBE and content[:5] == b"Adobe" and content[11] != 1:  # not YCbCr
        raise _NotBaselineError


def _lookup(counts: bytes, symbols: bytes) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    """For each 16 bits, the length of the code that they begin with and its symbol; length 0: no code."""
    widths = np.repeat(np.arange(1, 17, dtype=np.uint8), np.frombuffer(counts, np.uint8))
    spans = 1 << (16 - widths.astype(np.int64))
    rest = (1 << 16) - int(spans.sum())
    length = np.append(np.repeat(widths, spans), np.zeros(rest, np.uint8))
    return length, np.append(np.repeat(np.frombuffer(symbols, np.uint8), spans), np.zeros(rest, np.uint8))


def _scan(header: _Header, content: bytes, data: bytes) -> Jpeg:
    height, width = header.size
    count = content[0]
    selectors = {content[1 + 2 * i]: content[2 + 2 * i] for i in range(count)}
    if count != len(header.shapes) or count not in (1, 3) or min(height, width) == 0:
        raise _NotBaselineError
    shapes = header.shapes if count == 3 else [(header.shapes[0][0], 1, 1, header.shapes[0][3])]
    most_across, most_down = max(s[1] for s in shapes), max(s[2] for s in shapes)
    columns, rows = -(-width // (8 * most_across)), -(-height // (8 * most_down))
    of_unit = [number for number, shape in enumerate(shapes) for _ in range(shape[1] * shape[2])]
    tables = [(selectors[s[0]] >> 4, 0x10 | (selectors[s[0]] & 15)) for s in shapes]
    interval = header.interval or rows * columns
    parts = []
    for number, segment in enumerate(_segments(data)):
        units = min(interval, rows * columns - number * interval)
        if units > 0:
            parts.append(_decode(segment, units, of_unit, tables, header.codes))
    blocks = np.concatenate(parts).reshape(rows, columns, len(of_unit), BLOCK)
    components, first = [], 0
    for _, across, down, table in shapes:
        mine = blocks[:, :, first : first + across * down].reshape(rows, columns, down, across, BLOCK)
        grid = mine.transpose(0, 2, 1, 3, 4).reshape(rows * down, columns * across, BLOCK)
        components.append(Component(across, down, header.quantisation[table], grid))
        first += across * down
    return Jpeg(width, height, tuple(components))


def _segments(data: bytes) -> list[bytes]:
    """The entropy-coded data between restarts, without the zeros that follow 0xFF."""
    raw = np.frombuffer(data, np.uint8)
    marks = np.flatnonzero((raw[:-1] == 0xFF) & (raw[1:] != 0))
    restarts = [int(at) for at in marks if 0xD0 <= raw[at + 1] <= 0xD7]
    end = next((int(at) for at in marks if not 0xD0 <= raw[at + 1] <= 0xD7), len(raw))
    starts = [0, *(at + 2 for at in restarts if at < end)]
    ends = [*(at for at in restarts if at < end), end]
    return [data[start:stop].replace(b"\xff\x00", b"\xff") for start, stop in zip(starts, ends, strict=True)]


def _decode(
    segment: bytes,
    units: int,
    of_unit: list[int],
    tables: list[tuple[int, int]],
    codes: dict[int, tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]],
) -> npt.NDArray[np.int64]:
    """(units * blocks a unit, 64)."""
    octets = np.append(np.frombuffer(segment, np.uint8), np.zeros(80, np.uint8)).astype(np.uint32)
    words = (octets[:-3] << 24) | (octets[1:-2] << 16) | (octets[2:-1] << 8) | octets[3:]
    ahead = ((words[:, None] >> (16 - np.arange(8, dtype=np.uint32))) & 0xFFFF).ravel()  # (P,), 16 bits from each on
    length = {number: codes[number][0][ahead] for pair in tables for number in pair}
    symbol = {number: codes[number][1][ahead] for number in length}
    jump = {number: (length[number] + (symbol[number] & 15)).tobytes() for number in length}
    step = {number: _steps(symbol[number]).tobytes() for number in length}
    blocks = np.zeros(units * len(of_unit) * BLOCK, np.int64)
    visited: dict[int, tuple[list[int], list[int]]] = {number: ([], []) for number in length}
    plan = [(*tables[component], jump[tables[component][0]], jump[tables[component][1]]) for component in of_unit]
    at, first = 0, 0
    for _ in range(units):
        for dc, ac, jump_dc, jump_ac in plan:
            visited[dc][0].append(at)
            visited[dc][1].append(first)
            at += jump_dc[at]
            places, positions, steps = *visited[ac], step[ac]
            position, last = first, first + BLOCK - 1
            while position < last:
                position += steps[at]
                places.append(at)
                positions.append(position)
                at += jump_ac[at]
            first += BLOCK
    for number, (places, positions) in visited.items():
        value, size = _values(np.array(places, np.int64), ahead, length[number], symbol[number])
        keep = size > 0  # else the end of a block, or a run of zeros
        blocks[np.array(positions, np.int64)[keep]] = value[keep]
    found = blocks.reshape(units, len(of_unit), BLOCK)
    for component in set(of_unit):
        mine = [i for i, other in enumerate(of_unit) if other == component]
        found[:, mine, 0] = found[:, mine, 0].reshape(-1).cumsum().reshape(units, -1)
    return found.reshape(-1, BLOCK)


def _steps(symbol: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """By how many coefficients a symbol leads on: its zeros and its own; 0 ends the block."""
    return np.where(symbol == 0, np.uint8(BLOCK), (symbol >> 4) + np.uint8(1))


def _values(
    places: npt.NDArray[np.int64],
    ahead: npt.NDArray[Any],
    length: npt.NDArray[np.uint8],
    symbol: npt.NDArray[np.uint8],
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """The numbers behind the codes at some places, and how many bits they have."""
    if not np.all(length[places]):
        raise ValueError(places)
    size = (symbol[places] & 15).astype(np.int64)
    bits = ahead[places + length[places]].astype(np.int64) >> (16 - size)
    return np.where(bits < (1 << size) >> 1, bits - (1 << size) + 1, bits), size

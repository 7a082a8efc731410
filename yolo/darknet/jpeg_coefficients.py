"""Quantised coefficients of a baseline JPEG, for decoding it to exactly the pixels of another program.

A Python loop follows the Huffman codes; their lengths and symbols are looked up for every bit of the file at once,
which leaves two additions per code. Terms are those of the standard: an MCU (minimum coded unit) holds the blocks of
all components that are interleaved. Axes: P bits of the entropy-coded data, 64 coefficients per block in zigzag order.

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
    """Luma, or one chroma component."""

    h_factor: int  # horizontal sampling factor: blocks per MCU, side by side
    v_factor: int  # vertical sampling factor
    quantisation: npt.NDArray[np.int64]  # (64,)
    coefficients: npt.NDArray[np.int64]  # (block rows, block columns, 64)


@dataclass(frozen=True, slots=True)
class Jpeg:
    """Size and coefficients of a JPEG file."""

    width: int
    height: int
    components: tuple[Component, ...]


class _NotBaselineError(Exception):
    """The file is not a JPEG of one baseline scan."""


@dataclass(slots=True)
class _Header:
    quantisation: dict[int, npt.NDArray[np.int64]] = field(default_factory=dict)
    huffman: dict[int, tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]] = field(default_factory=dict)
    size: tuple[int, int] = (0, 0)  # height, width
    components: list[tuple[int, int, int, int]] = field(default_factory=list)  # id, h, v factor, quantisation table
    restart_interval: int = 0  # MCUs between restart markers; 0: none


def read_coefficients(data: bytes) -> Jpeg | None:
    """Read the coefficients of a JPEG; None if it is not one baseline scan, or is damaged."""
    try:
        return _read(data)
    except (_NotBaselineError, IndexError, KeyError, ValueError):
        return None


def _read(data: bytes) -> Jpeg:
    if data[:2] != bytes([0xFF, START]):
        raise _NotBaselineError
    header, offset = _Header(), 2
    while True:
        while data[offset + 1] == 0xFF:  # fill bytes
            offset += 1
        marker, length = data[offset + 1], int.from_bytes(data[offset + 2 : offset + 4], "big")
        if data[offset] != 0xFF or marker in OTHER_FRAMES:
            raise _NotBaselineError
        content, offset = data[offset + 4 : offset + 2 + length], offset + 2 + length
        if marker == SCAN:
            return _read_scan(header, content, data[offset:])
        _read_segment(header, marker, content)


def _read_segment(header: _Header, marker: int, content: bytes) -> None:
    """Add the content of a marker segment to the header."""
    if marker == QUANTISATION:
        while content:
            is_16_bit, number = content[0] >> 4, content[0] & 15
            table = np.frombuffer(content[1 : 1 + BLOCK * (1 + is_16_bit)], ">u2" if is_16_bit else "u1")
            header.quantisation[number] = table.astype(np.int64).reshape(BLOCK)
            content = content[1 + BLOCK * (1 + is_16_bit) :]
    elif marker == HUFFMAN:
        while content:
            counts = content[1:17]
            header.huffman[content[0]] = _build_lookup(counts, content[17 : 17 + sum(counts)])
            content = content[17 + sum(counts) :]
    elif marker == BASELINE:
        header.size = (int.from_bytes(content[1:3], "big"), int.from_bytes(content[3:5], "big"))
        rows = [content[6 + 3 * i : 9 + 3 * i] for i in range(content[5])]
        header.components = [(row[0], row[1] >> 4, row[1] & 15, row[2]) for row in rows]
    elif marker == RESTART:
        header.restart_interval = int.from_bytes(content[:2], "big")
    elif marker == ADOBE and content[:5] == b"Adobe" and content[11] != 1:  # not YCbCr
        raise _NotBaselineError


def _build_lookup(counts: bytes, symbols: bytes) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    """Return, for each value of 16 bits, the length and the symbol of the code at their start; length 0: no code."""
    widths = np.repeat(np.arange(1, 17, dtype=np.uint8), np.frombuffer(counts, np.uint8))
    spans = 1 << (16 - widths.astype(np.int64))
    rest = (1 << 16) - int(spans.sum())
    length = np.append(np.repeat(widths, spans), np.zeros(rest, np.uint8))
    return length, np.append(np.repeat(np.frombuffer(symbols, np.uint8), spans), np.zeros(rest, np.uint8))


def _read_scan(header: _Header, content: bytes, data: bytes) -> Jpeg:
    """Decode the scan: `content` of its header, and the entropy-coded `data` that follows."""
    height, width = header.size
    num_components = content[0]
    selectors = {content[1 + 2 * i]: content[2 + 2 * i] for i in range(num_components)}
    if num_components != len(header.components) or num_components not in (1, 3) or min(height, width) == 0:
        raise _NotBaselineError
    components = header.components
    if num_components == 1:
        components = [(components[0][0], 1, 1, components[0][3])]
    max_h, max_v = max(c[1] for c in components), max(c[2] for c in components)
    columns, rows = -(-width // (8 * max_h)), -(-height // (8 * max_v))
    mcu_components = [number for number, c in enumerate(components) for _ in range(c[1] * c[2])]
    tables = [(selectors[c[0]] >> 4, 0x10 | (selectors[c[0]] & 15)) for c in components]
    interval = header.restart_interval or rows * columns
    parts = []
    for number, segment in enumerate(_split_at_restarts(data)):
        num_mcus = min(interval, rows * columns - number * interval)
        if num_mcus > 0:
            parts.append(_decode_interval(segment, num_mcus, mcu_components, tables, header.huffman))
    blocks = np.concatenate(parts).reshape(rows, columns, len(mcu_components), BLOCK)
    planes, first = [], 0
    for _, h, v, table in components:
        own = blocks[:, :, first : first + h * v].reshape(rows, columns, v, h, BLOCK)
        grid = own.transpose(0, 2, 1, 3, 4).reshape(rows * v, columns * h, BLOCK)
        planes.append(Component(h, v, header.quantisation[table], grid))
        first += h * v
    return Jpeg(width, height, tuple(planes))


def _split_at_restarts(data: bytes) -> list[bytes]:
    """Split entropy-coded data at restart markers, and remove the zeros stuffed after 0xFF."""
    raw = np.frombuffer(data, np.uint8)
    markers = np.flatnonzero((raw[:-1] == 0xFF) & (raw[1:] != 0))
    restarts = [int(at) for at in markers if 0xD0 <= raw[at + 1] <= 0xD7]
    end = next((int(at) for at in markers if not 0xD0 <= raw[at + 1] <= 0xD7), len(raw))
    starts = [0, *(at + 2 for at in restarts if at < end)]
    ends = [*(at for at in restarts if at < end), end]
    return [data[start:stop].replace(b"\xff\x00", b"\xff") for start, stop in zip(starts, ends, strict=True)]


def _decode_interval(
    segment: bytes,
    num_mcus: int,
    mcu_components: list[int],
    tables: list[tuple[int, int]],
    huffman: dict[int, tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]],
) -> npt.NDArray[np.int64]:
    """Decode the MCUs between two restart markers, (num_mcus * blocks per MCU, 64)."""
    octets = np.append(np.frombuffer(segment, np.uint8), np.zeros(80, np.uint8)).astype(np.uint32)
    words = (octets[:-3] << 24) | (octets[1:-2] << 16) | (octets[2:-1] << 8) | octets[3:]
    next_16_bits = ((words[:, None] >> (16 - np.arange(8, dtype=np.uint32))) & 0xFFFF).ravel()  # (P,)
    length = {number: huffman[number][0][next_16_bits] for pair in tables for number in pair}
    symbol = {number: huffman[number][1][next_16_bits] for number in length}
    num_bits = {number: (length[number] + (symbol[number] & 15)).tobytes() for number in length}
    step = {number: _coefficient_steps(symbol[number]).tobytes() for number in length}
    blocks = np.zeros(num_mcus * len(mcu_components) * BLOCK, np.int64)
    codes_at: dict[int, tuple[list[int], list[int]]] = {number: ([], []) for number in length}
    plan = [(dc, ac, num_bits[dc], num_bits[ac]) for dc, ac in (tables[component] for component in mcu_components)]
    bit, first = 0, 0
    for _ in range(num_mcus):
        for dc, ac, bits_dc, bits_ac in plan:
            codes_at[dc][0].append(bit)
            codes_at[dc][1].append(first)
            bit += bits_dc[bit]
            bits, positions, steps = *codes_at[ac], step[ac]
            position, last = first, first + BLOCK - 1
            while position < last:
                position += steps[bit]
                bits.append(bit)
                positions.append(position)
                bit += bits_ac[bit]
            first += BLOCK
    for number, (bits, positions) in codes_at.items():
        value, size = _decode_values(np.array(bits, np.int64), next_16_bits, length[number], symbol[number])
        keep = size > 0  # size 0 ends a block or is a run of zeros
        blocks[np.array(positions, np.int64)[keep]] = value[keep]
    decoded = blocks.reshape(num_mcus, len(mcu_components), BLOCK)
    for component in set(mcu_components):
        own = [i for i, other in enumerate(mcu_components) if other == component]
        decoded[:, own, 0] = decoded[:, own, 0].reshape(-1).cumsum().reshape(num_mcus, -1)
    return decoded.reshape(-1, BLOCK)


def _coefficient_steps(symbol: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Return how many coefficients a symbol covers: its zeros and its own value; symbol 0 ends the block."""
    return np.where(symbol == 0, np.uint8(BLOCK), (symbol >> 4) + np.uint8(1))


def _decode_values(
    bit: npt.NDArray[np.int64],
    next_16_bits: npt.NDArray[Any],
    length: npt.NDArray[np.uint8],
    symbol: npt.NDArray[np.uint8],
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return the values that follow the codes at some bits, and the values' sizes in bits."""
    if not np.all(length[bit]):
        raise ValueError(bit)
    size = (symbol[bit] & 15).astype(np.int64)
    value = next_16_bits[bit + length[bit]].astype(np.int64) >> (16 - size)
    return np.where(value < (1 << size) >> 1, value - (1 << size) + 1, value), size

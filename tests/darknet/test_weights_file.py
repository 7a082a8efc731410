from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from yolo.darknet.weights_file import WeightsHeader, read_weights, write_weights
from yolo.errors import WeightsError


@pytest.mark.parametrize(
    ("header", "num_bytes"),
    [
        (WeightsHeader(0, 1, 0, seen=7), 16),  # seen is 4 bytes before version 0.2
        (WeightsHeader(0, 2, 5, seen=2**40), 20),  # and 8 from 0.2 on
        (WeightsHeader(1, 0, 0, seen=7), 20),
    ],
)
def test_round_trip(tmp_path: Path, header: WeightsHeader, num_bytes: int) -> None:
    path = tmp_path / "a.weights"
    write_weights(path, header, [np.array([1.5, -2], np.float32), np.array([[3]], np.float32)])
    assert path.stat().st_size == num_bytes + 12
    file = read_weights(path)
    assert file.header == header
    assert file.values.tolist() == [1.5, -2, 3]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "not a Darknet weights file: 0 bytes are too few for the header"),
        (
            struct.pack("<3iq", 0, 2, 5, 0) + b"abc",
            "23 bytes are not a header of 20 bytes and 4-byte values",
        ),
        (struct.pack("<3i", 0, 2, 5), "it ends inside the header"),
        (b"PK\3\4" * 8, "its header says version"),  # a zip, such as a .pt
    ],
)
def test_invalid_file_is_rejected(tmp_path: Path, data: bytes, message: str) -> None:
    path = tmp_path / "a.weights"
    path.write_bytes(data)
    with pytest.raises(WeightsError) as caught:
        read_weights(path)
    assert str(path) in str(caught.value)
    assert message in str(caught.value)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="cannot be read: No such file"):
        read_weights(tmp_path / "a.weights")


@given(data=st.binary(max_size=64))
def test_any_bytes_load_or_raise_weights_error(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.mktemp("fuzz") / "a.weights"
    path.write_bytes(data)
    try:
        file = read_weights(path)
    except WeightsError:
        return
    assert len(file.values) * 4 == len(data) - len(file.header.to_bytes())

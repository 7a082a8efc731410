from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from yolo.engine.multi_scale import MultiScale


def sizes(seed: int = 0) -> MultiScale:
    return MultiScale.around(416, 0.5, 1.5, stride=32, seed=seed)


def test_range_by_hand() -> None:
    assert (sizes().smallest, sizes().largest) == (224, 608)  # 208 and 624 are not multiples of 32
    only = MultiScale.around(160, 0.9, 1.1, stride=32, seed=0)
    assert {only.at(step) for step in range(200)} == {160}


def test_sizes_last_ten_steps_and_are_equally_frequent() -> None:
    drawn = [sizes().at(step) for step in range(20_000)]
    assert all(len(set(drawn[i : i + 10])) == 1 for i in range(0, len(drawn), 10))
    counts = Counter(drawn[::10])
    assert sorted(counts) == list(range(224, 609, 32))
    assert min(counts.values()) > 0.7 * 2000 / 13
    assert max(counts.values()) < 1.3 * 2000 / 13


@given(st.integers(0, 2**32 - 1), st.integers(0, 10**7))
def test_a_size_is_a_function_of_seed_and_step(seed: int, step: int) -> None:
    assert sizes(seed).at(step) == sizes(seed).at(step)


def test_another_seed_gives_other_sizes() -> None:
    assert [sizes(0).at(10 * n) for n in range(9)] != [sizes(1).at(10 * n) for n in range(9)]

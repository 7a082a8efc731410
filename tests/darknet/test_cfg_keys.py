from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Literal

import pytest

from yolo.darknet.cfg_file import CfgFile, Section
from yolo.darknet.cfg_keys import check_key, read_keys, unknown_keys
from yolo.errors import CfgError


@dataclass(frozen=True, kw_only=True)
class Keys:
    count: int
    rate: float = 0.5
    flag: bool = False
    from_: tuple[int, ...] = ()
    kind: Literal["a", "b"] = "a"
    limit: float | None = None

    def __post_init__(self) -> None:
        check_key("rate", self.rate >= 0, "must not be negative")


def section(*lines: str) -> Section:
    return CfgFile.parse("[net]\n[x]\n" + "\n".join(lines), "a.cfg").layers[0]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["count=3"], Keys(count=3)),
        (["count=-3", "rate=.25", "flag=1", "kind=b"], Keys(count=-3, rate=0.25, flag=True, kind="b")),
        (["count=1", "from=-1, 2,,3,"], Keys(count=1, from_=(-1, 2, 3))),  # empty items are skipped
        (["count=1", "from=4 # ,5"], Keys(count=1, from_=(4,))),  # a list ends at #
        (["count=3#three"], Keys(count=3)),  # and so does a number, without a warning
        (["count=1", "limit=1e-3"], Keys(count=1, limit=1e-3)),
        (["count=1", "rate="], Keys(count=1)),  # an empty value counts as absent
    ],
)
def test_read_keys(lines: list[str], expected: Keys) -> None:
    assert read_keys(Keys, section(*lines)) == expected


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([], "a.cfg:2: [x] needs 'count='; add it"),
        (["count=many"], "a.cfg:3: 'count=many': 'many' is not a whole number"),
        (["count=1", "rate=fast"], "a.cfg:4: 'rate=fast': 'fast' is not a number"),
        (["count=1", "kind=c"], "a.cfg:4: 'kind=c': use one of a, b"),
        (["count=1", "rate=-1"], "a.cfg:4: 'rate=-1': must not be negative"),
        (["count=2147483648"], "a.cfg:3: 'count=2147483648': '2147483648' is too large; use at most 2147483647"),
        (["count=1", "from=1,x"], "a.cfg:4: 'from=1,x': 'x' is not a whole number"),
    ],
)
def test_invalid_value_error_names_line_key_and_remedy(lines: list[str], message: str) -> None:
    with pytest.raises(CfgError) as caught:
        read_keys(Keys, section(*lines))
    assert str(caught.value) == message


def test_text_after_a_number_is_warned_about(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        keys = read_keys(Keys, section("count=3.7", "colour=red"))
    assert keys.count == 3  # as C's atoi
    assert caplog.messages == ["a.cfg:3: '3.7' is read as 3, as Darknet does"]


def test_unknown_keys_are_listed_with_their_lines() -> None:
    unknown = unknown_keys(Keys, section("count=3", "colour=red"))
    assert [(line.key, line.value, line.number) for line in unknown] == [("colour", "red", 4)]

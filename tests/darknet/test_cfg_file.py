from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yolo.darknet.cfg_file import CfgFile
from yolo.errors import CfgError

NET = "[net]\nwidth=32\nheight=32\n"


def test_sections_keys_and_lines() -> None:
    cfg = CfgFile.parse("# a comment\n" + NET + "\n[maxpool]\n size = 2 \n; another\nsi ze=3\n stride=2", "a.cfg")
    (pool,) = cfg.layers
    assert (pool.name, pool.number) == ("maxpool", 6)
    assert [(line.key, line.value, line.number) for line in pool.lines] == [
        ("size", "2", 7),  # blanks around key and value are ignored
        ("size", "3", 9),  # and blanks inside, as in Darknet
        ("stride", "2", 10),  # no newline at the end
    ]


def test_first_of_two_equal_keys_counts() -> None:
    cfg = CfgFile.parse(NET + "[maxpool]\nsize=2\nsize=3\n")
    line = cfg.layers[0].find("size")
    assert line is not None
    assert line.value == "2"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "a.cfg:1: found no section"),
        ("[convolutional]\n", "a.cfg:1: found [convolutional]"),
        (NET, "a.cfg: [net] is the only section"),
        ("width=3\n", "a.cfg:1: 'width=3' comes before the first section"),
        (NET + "[maxpool]\nsize 2\n", "a.cfg:5: 'size 2': expected [section], key=value or a # comment"),
    ],
)
def test_syntax_error_names_the_line(text: str, message: str) -> None:
    with pytest.raises(CfgError) as caught:
        CfgFile.parse(text, "a.cfg")
    assert str(caught.value).startswith(message)


def test_missing_file_error_lists_shipped_names() -> None:
    with pytest.raises(CfgError, match=r"no-such: no such cfg file; .*yolov3-tiny"):
        CfgFile.read("no-such")


def test_shipped_file_by_name_with_and_without_suffix() -> None:
    assert CfgFile.read("yolov3-tiny").text == CfgFile.read("yolov3-tiny.cfg").text


def test_edited_keeps_comments_and_adds_keys() -> None:
    cfg = CfgFile.parse(NET + "# the pool\n[maxpool]\nsize=2\nsize=9\n[upsample]\n")
    edited = cfg.edited({(0, "size"): "3", (1, "stride"): "4"})
    assert edited.text == NET + "# the pool\n[maxpool]\nsize=3\nsize=9\n[upsample]\nstride=4\n"


def test_write_and_read_round_trip(tmp_path: Path) -> None:
    cfg = CfgFile.parse(NET + "[maxpool]\n")
    cfg.write(tmp_path / "a.cfg")
    assert CfgFile.read(tmp_path / "a.cfg").text == cfg.text


@given(st.text())
def test_any_text_parses_or_raises_cfg_error(text: str) -> None:
    with contextlib.suppress(CfgError):
        assert CfgFile.parse(text).layers

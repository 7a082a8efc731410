import logging
from pathlib import Path

import pytest

from yolo.darknet.data_file import DataFile, read_names
from yolo.errors import DataError
from yolo.storage import shipped_folder


def write(folder: Path, text: str, names: str = "cat\ndog\n") -> Path:
    (folder / "my.names").write_text(names)
    path = folder / "my.data"
    path.write_text(text)
    return path


def test_keys_comments_and_paths_relative_to_the_file(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        "# mine\n\nclasses = 2\ntrain=lists/train.txt\n ; old\nvalid = val.txt\r\n"
        "test = test.txt\nnight = night.txt\nnames = my.names\nbackup = weights/\ntrain = twice.txt\n",
    )
    data = DataFile.read(path)
    assert data.names == ("cat", "dog")
    assert data.backup == "weights/"
    assert {split: file.path for split, file in data.splits.items()} == {
        "train": tmp_path / "lists/train.txt",  # the first of two equal keys counts
        "val": tmp_path / "val.txt",
        "test": tmp_path / "test.txt",
        "night": tmp_path / "night.txt",
    }
    assert data.splits["val"].where == f"{path}:6: 'val.txt'"


@pytest.mark.parametrize("comment", [" # of them", "\t; old", " #"])
def test_comments_after_a_value(comment: str, tmp_path: Path) -> None:
    data = DataFile.read(
        write(tmp_path, f"classes = 2{comment}\nnames = my.names{comment}\ntrain = a#1.txt{comment}\n")
    )
    assert (data.names, data.splits["train"].path.name) == (("cat", "dog"), "a#1.txt")


def test_equal_names_are_numbered(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = write(tmp_path, "names = my.names\n", names="cat\ncat (2)\ncat\ndog\ncat\n")
    assert DataFile.read(path).names == ("cat", "cat (2)", "cat (3)", "dog", "cat (4)")
    assert "my.names: 2 class names occur before and are numbered, such as 'cat (3)'" in caplog.text


def test_paths_of_another_machine_are_found_and_said_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "train.txt").write_text("")
    data = DataFile.read(write(tmp_path, "train = C:\\me\\train.txt\nnames = data/my.names\nvalid = /x/no.txt\n"))
    assert data.splits["train"].path == tmp_path / "train.txt"
    assert [record.getMessage().partition(";")[0] for record in caplog.records] == [
        f"{tmp_path / 'my.data'}: 2 paths that do not exist as stated are read from elsewhere"
    ]


def test_val_and_valid_are_one_split_and_the_first_counts(tmp_path: Path) -> None:
    data = DataFile.read(write(tmp_path, "val = a.txt\nvalid = b.txt\nnames = my.names\n"))
    assert [file.path.name for file in data.splits.values()] == ["a.txt"]


def test_working_directory_comes_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    here = tmp_path / "here"
    here.mkdir()
    (here / "my.names").write_text("red\ngreen\n")
    path = write(tmp_path, "names = my.names\n")
    monkeypatch.chdir(here)
    assert DataFile.read(path).names == ("red", "green")
    assert f"{path}:1: 'my.names' is read from the working directory" in caplog.text


def test_unknown_key_warns(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        DataFile.read(write(tmp_path, "names = my.names\nclases = 2\nresults = r\n"))
    assert [r.getMessage() for r in caplog.records] == [f"{tmp_path / 'my.data'}:2: unknown key 'clases'; ignored"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("classes = 3\nnames = my.names\n", ":1: 'classes = 3', but .* has 2 names"),  # counts differ
        ("classes = two\nnames = my.names\n", ":1: 'classes = two'"),  # not a number
        ("classes = 2\n", "has no 'names' key"),  # no names
        ("names = other.names\n", ":1: 'other.names': not found in the working directory or in"),  # names file missing
        ("names = my.names\ntrain\n", ":2: 'train': expected key = value"),  # no equals sign
        ("names = my.names\ntrain =\n", ":2: 'train =': expected key = value"),  # no value
    ],
)
def test_data_file_errors(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        DataFile.read(write(tmp_path, text))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "contains no class name"),
        (b"\n\n", "contains no class name"),
        (b"cat\n\ndog\n", ":2: a blank line"),  # would shift the ids
        (b"caf\xe9\n", "is not UTF-8 text .byte 3."),
    ],
)
def test_names_file_errors(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "a.names"
    path.write_bytes(content)
    with pytest.raises(DataError, match=message):
        read_names(path)


def test_names_file_with_blanks_and_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "a.names"
    path.write_bytes(b"\xef\xbb\xbftraffic light \r\n dog\r\n\r\n\n")  # byte order mark, Windows line ends
    assert read_names(path) == ("traffic light", "dog")


def test_missing_file_error_lists_shipped_names() -> None:
    with pytest.raises(DataError, match=r"nothing: no such .data file; give a path, or one of: coco, voc"):
        DataFile.read("nothing")


@pytest.mark.parametrize(("name", "count", "first", "last"), [
    ("coco", 80, "person", "toothbrush"), ("voc", 20, "aeroplane", "tvmonitor")
])  # fmt: skip
def test_shipped_names(name: str, count: int, first: str, last: str) -> None:
    names = DataFile.read(name).names
    assert (len(names), names[0], names[-1], len(set(names))) == (count, first, last, count)


def test_all_shipped_data_files_are_tested() -> None:
    assert {p.name for p in shipped_folder("data").glob("*.data")} == {"coco.data", "voc.data"}

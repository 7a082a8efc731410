from pathlib import Path

import pytest

from yolo.darknet.stated_path import PathFinder, path_ends


def put(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    return path


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("a.jpg", "set/a.jpg"),
        ("data/obj_train_data/a.jpg", "set/obj_train_data/a.jpg"),  # CVAT
        ("images\\a.jpg", "set/images/a.jpg"),  # Windows
        ("C:\\Users\\me\\set\\images\\a.jpg", "set/images/a.jpg"),
        ("D:/set/images/a.jpg", "set/images/a.jpg"),
        ("/home/me/set/images/train/a.jpg", "set/images/train/a.jpg"),  # another machine
        ("../../x/images/a.jpg", "set/images/a.jpg"),
        ("/content/images/a.jpg", "images/a.jpg"),  # above the folder of the list
        ("/content/a.jpg", "set/a.jpg"),
    ],
)
def test_where_a_path_is_found(text: str, place: str, tmp_path: Path) -> None:
    path = put(tmp_path / place)
    found = PathFinder(tmp_path / "set/train.txt").find(text)
    assert found is not None
    assert found.samefile(path)


def test_the_longest_end_counts(tmp_path: Path) -> None:
    put(tmp_path / "a.jpg")
    put(tmp_path / "val/a.jpg")
    assert PathFinder(tmp_path / "x.txt").find("/home/me/val/a.jpg") == tmp_path / "val/a.jpg"


def test_a_file_of_that_very_name_comes_first(tmp_path: Path) -> None:
    put(tmp_path / "images/a.jpg")
    literal = put(tmp_path / "images\\a.jpg")
    assert PathFinder(tmp_path / "x.txt").find("images\\a.jpg") == literal


def test_a_single_name_is_not_looked_for_above_the_folder(tmp_path: Path) -> None:
    put(tmp_path / "a.jpg")
    assert PathFinder(tmp_path / "set/train.txt").find("/home/me/a.jpg") is None


def test_moved_paths_are_said_in_one_line(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for name in ("a", "b", "c"):
        put(tmp_path / f"{name}.jpg")
    finder = PathFinder(tmp_path / "train.txt")
    for text in ("a.jpg", "data/b.jpg", "data/c.jpg"):
        finder.find(text)
    finder.report()
    assert caplog.messages == [
        f"{tmp_path}/train.txt: 2 paths that do not exist as stated are read from elsewhere; "
        f"the first: 'data/b.jpg' is {tmp_path}/b.jpg"
    ]


def test_ends() -> None:
    assert list(map(str, path_ends("C:\\x\\..\\a\\b"))) == ["a/b", "b"]
    assert path_ends("http://host/a.jpg") == []

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.data.formats.folders import MAKERS
from tests.data.formats.images import put_text
from yolo.data.formats.open_dataset import open_dataset
from yolo.dataset_tools.split_dataset import SplitDatasetSettings, split_dataset
from yolo.errors import SettingsError


def make(folder: Path, count: int = 40) -> Path:
    """Images that differ but for 30..39, which are copies of 0..9; class 1 in every fifth."""
    for i in range(count):
        path = folder / "images" / f"{i:02d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (20, 20), (i % 30, 0, 0)).save(path)
        rows = ["0 0.5 0.5 0.5 0.5\n"] * (1 + i % 2) + ["1 0.5 0.5 0.2 0.2\n"] * (i % 5 == 0)
        put_text(folder / "labels" / f"{i:02d}.txt", "".join(rows))
    put_text(folder / "classes.txt", "cat\ndog\n")
    return folder


def run(data: Path, out: Path, **settings: Any) -> dict[str, list[str]]:
    """Divide, and give the names of the images in each split."""
    split_dataset(SplitDatasetSettings(data=str(data), out=out, **settings))
    files = sorted(out.glob("*.data"))
    source = open_dataset(str(files[0] if files else out))
    return {name: [p.stem for p in source.images(name)] for name in source.splits}


def test_each_image_is_in_one_part(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    parts = run(make(tmp_path / "set"), tmp_path / "out", val=0.2, test=0.1)
    assert sorted(name for part in parts.values() for name in part) == [f"{i:02d}" for i in range(40)]
    assert {split: len(part) for split, part in parts.items()} == {"train": 28, "val": 8, "test": 4}
    table = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert table[:3] == [["train", "val", "test"], ["images", "28", "8", "4"], ["background", "0", "0", "0"]]
    assert [row[0] for row in table[3:]] == ["cat", "dog"]
    assert sum(int(n) for n in table[3][1::3] if n.isdigit()) <= 60
    assert (tmp_path / "out/train.txt").read_text().startswith(str(tmp_path / "set/images"))  # in full


@pytest.mark.parametrize("seed", range(5))
def test_copies_stay_together(tmp_path: Path, seed: int) -> None:
    parts = run(make(tmp_path / "set"), tmp_path / "out", val=0.3, test=0.2, seed=seed)
    where = {int(name): split for split, part in parts.items() for name in part}
    assert all(where[i] == where[30 + i] for i in range(10))
    assert len(set(where.values())) == 3


def test_the_seed_decides(tmp_path: Path) -> None:
    data = make(tmp_path / "set")
    first, same, other = (run(data, tmp_path / f"out{n}", seed=s) for n, s in enumerate((1, 1, 2)))
    assert first == same != other


@pytest.mark.parametrize("kind", MAKERS)
def test_nothing_of_the_data_set_is_touched_and_nothing_is_lost(kind: str, tmp_path: Path) -> None:
    folder = tmp_path / "set"
    data = MAKERS[kind](folder)
    for number, image in enumerate(folder.rglob("*.jpg")):
        Image.new("RGB", (100, 50), (0, 80 * number, 0)).save(image)  # else all are copies of one
    before = {p: p.stat().st_mtime_ns for p in folder.rglob("*")}
    parts = run(data, tmp_path / "out", val=0.34)
    assert {p: p.stat().st_mtime_ns for p in folder.rglob("*")} == before
    assert {split: len(part) for split, part in parts.items()} == {"train": 2, "val": 1}
    old = open_dataset(str(data)).index("train")
    files = sorted((tmp_path / "out").glob("*.data"))
    source = open_dataset(str(files[0] if files else tmp_path / "out"))
    new = {r.path.name: r for split in source.splits for r in source.index(split).records()}
    assert source.names == old.names
    for record in old.records():
        np.testing.assert_allclose(new[record.path.name].boxes_xyxy, record.boxes_xyxy, atol=1e-4)
        assert new[record.path.name].class_ids.tolist() == record.class_ids.tolist()


def test_only_some_splits(tmp_path: Path) -> None:
    folder = make(tmp_path / "set")
    (folder / "images/test").mkdir()
    (folder / "images/train").mkdir()
    for i in range(40):
        target = folder / "images" / ("test" if i >= 35 else "train") / f"{i:02d}.png"
        (folder / f"images/{i:02d}.png").rename(target)
        labels = folder / "labels" / target.parent.name
        labels.mkdir(exist_ok=True)
        (folder / f"labels/{i:02d}.txt").rename(labels / f"{i:02d}.txt")
    parts = run(folder, tmp_path / "out", of=("train",), val=0.2)
    assert {split: len(part) for split, part in parts.items()} == {"train": 28, "val": 7, "test": 5}
    assert parts["test"] == ["35", "36", "37", "38", "39"]
    with pytest.raises(SettingsError, match="--of train: 'test' is a split already; take it too, or set --test 0"):
        run(folder, tmp_path / "more", of=("train",), test=0.1)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"val": 1.0}, "--val 1.0: not a share"),
        ({"test": -0.1}, "--test -0.1: not a share"),
        ({"val": 0.0}, "--val 0.0 --test 0.0: must leave something"),
        ({"val": 0.5, "test": 0.5}, "--val 0.5 --test 0.5: must leave something"),
        ({"seed": -1}, "--seed -1"),
        ({"of": ("x",)}, "--of x: .* has no such split; it has: all"),
        ({"val": 0.001}, "--val: of 40 images none is left for 'val'"),
    ],
)
def test_mistakes(settings: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=message):
        run(make(tmp_path / "set"), tmp_path / "out", **settings)
    assert not (tmp_path / "out").exists()


def test_an_existing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"--out .*: already exists"):
        split_dataset(SplitDatasetSettings(data="shapes", out=tmp_path))


def test_relative_paths_become_full_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path / "set")
    monkeypatch.chdir(tmp_path)
    run(Path("set"), Path("out"))
    first = (tmp_path / "out/val.txt").read_text().split("\n")[0]
    assert Path(first).is_absolute()

import logging
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.data.formats.folders import MAKERS
from tests.data.formats.images import put_annotation, put_image, put_text, voc_object
from yolo.data import index_cache as cache
from yolo.data.formats import dataset_format
from yolo.data.formats.dataset_format import DatasetFormat
from yolo.data.formats.open_dataset import open_dataset
from yolo.data.index import Index
from yolo.data.index_cache import Reading, Trace, entry_path, load, stamp, store
from yolo.errors import DataError
from yolo.storage import cache_folder

TICK_S = 0.012  # longer than the steps in which a kernel counts the times of files


@pytest.fixture(autouse=True)
def always_cached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Small and new data sets are cached too, in a folder of the test."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(dataset_format, "MIN_CACHED", 1)
    monkeypatch.setattr(cache, "SETTLED_NS", -(10**12))


def contents(index: Index) -> dict[str, object]:
    return {f.name: np.asarray(getattr(index, f.name)).tolist() for f in fields(Index)}


def read(data: Path) -> dict[str, object]:
    """What is read without a cache, or the mistake."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dataset_format, "MIN_CACHED", 10**9)
        patch.setattr(cache, "load", lambda _: None)
        return through_cache(data)


def through_cache(data: Path) -> dict[str, object]:
    try:
        source = open_dataset(str(data))
        index = source.index("train")
        assert source.names == index.names
        return contents(index)
    except DataError as error:
        return {"error": str(error)}


def count_reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    reads: list[str] = []
    original = DatasetFormat._read

    def counted(self: DatasetFormat, split: str, images: list[Path]) -> Reading:
        reads.append(split)
        return original(self, split, images)

    monkeypatch.setattr(DatasetFormat, "_read", counted)
    return reads


@pytest.mark.parametrize("kind", MAKERS)
def test_the_second_time_nothing_is_read(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    data = MAKERS[kind](tmp_path / "set")
    for label in ("labels/train/b.txt", "Annotations/b.xml"):
        (tmp_path / "set" / label).unlink(missing_ok=True)  # there is something to say about it
    caplog.set_level(logging.INFO)
    reads = count_reads(monkeypatch)
    first, said = through_cache(data), [r.getMessage() for r in caplog.records]
    caplog.clear()
    assert through_cache(data) == first
    again = [r.getMessage() for r in caplog.records]
    assert again == said[len(said) - len(again) :]
    assert any("no label file" in message for message in again) is (kind != "coco")
    assert reads == ["train"]


def edit(path: Path, text: str) -> None:
    """Write without any sign in the size or in the time of the last change of content."""
    before = path.stat()
    assert len(text) == before.st_size
    path.write_text(text)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


YOLO_CHANGES: dict[str, Callable[[Path], object]] = {
    "edit": lambda f: edit(f / "labels/train/c.txt", "1 0.5 0.5 0.2 0.4\n"),
    "add label": lambda f: put_text(f / "images/train/d.txt", "1 0.5 0.5 0.2 0.4\n"),
    "delete label": lambda f: (f / "labels/train/a.txt").unlink(),
    "label beside": lambda f: put_text(f / "images/train/b.txt", "1 0.5 0.5 0.2 0.4\n"),
    "label back": lambda f: put_text(f / "labels/train/a.txt", "1 0.5 0.5 0.2 0.4\n"),
    "add image": lambda f: put_image(f / "images/train/d.jpg"),
    "add image below": lambda f: put_image(f / "images/train/e/f.jpg"),
    "delete image": lambda f: (f / "images/train/a.jpg").unlink(),
    "new size": lambda f: put_image(f / "images/train/c.jpg", 60, 30),
    "new class": lambda f: put_text(f / "labels/train/b.txt", "2 0.5 0.5 0.2 0.4\n"),
    "names": lambda f: [put_text(f / n, "ant\nbee\n") for n in ("my.names", "classes.txt") if (f / n).exists()],
    "names in labels": lambda f: put_text(f / "labels/classes.txt", "ant\nbee\n"),
    "list in another order": lambda f: put_text(f / "train.txt", "images/train/c.jpg\nimages/train/b.jpg\n"),
}
VOC_CHANGES: dict[str, Callable[[Path], object]] = {
    "edit": lambda f: put_annotation(f / "Annotations/c.xml", voc_object("dog", (1, 2, 3, 4), 1)),
    "new class": lambda f: put_annotation(f / "Annotations/b.xml", voc_object("ant", (1, 2, 3, 4))),
    "delete": lambda f: (f / "Annotations/a.xml").unlink(),
    "list": lambda f: put_text(f / "ImageSets/Main/train.txt", "c\nb\n"),
    "names": lambda f: put_text(f / "classes.txt", "dog\ncat\nant\n"),
    "image": lambda f: put_image(f / "JPEGImages/c.jpg", 60, 30),
    "second image": lambda f: put_image(f / "JPEGImages/c.png"),
}
COCO_CHANGES: dict[str, Callable[[Path], object]] = {
    "edit": lambda f: edit(
        f / "annotations/instances_train2017.json",
        (f / "annotations/instances_train2017.json").read_text().replace('"category_id": 18', '"category_id":  7'),
    ),
    "delete image": lambda f: (f / "train2017/a.jpg").unlink(),
    "other image": lambda f: put_image(f / "images/train2017/b.jpg", 100, 50),
    "image that is found first": lambda f: put_image(f / "train2017/b.jpg", 60, 30),
    "other categories": lambda f: put_text(
        f / "annotations/instances_val2017.json",
        '{"images": [], "annotations": [], "categories": [{"id": 1, "name": "ant"}]}',
    ),
}
CHANGES = dict.fromkeys(MAKERS, YOLO_CHANGES) | {"voc": VOC_CHANGES, "coco": COCO_CHANGES}


@pytest.mark.parametrize(("kind", "change"), [(kind, change) for kind in MAKERS for change in CHANGES[kind]])
def test_every_change_is_seen(kind: str, change: str, tmp_path: Path) -> None:
    folder = tmp_path / "set"
    data = MAKERS[kind](folder)
    if change == "label back":
        (folder / "labels/train/a.txt").unlink()
    before = through_cache(data)
    time.sleep(TICK_S)
    CHANGES[kind][change](folder)
    after = through_cache(data)
    assert after == read(data)
    if change in ("edit", "label back", "label beside", "delete image", "new size"):  # the others do not always count
        assert (after != before) is (change != "label beside")


def test_an_edit_of_the_same_size_in_the_same_second(tmp_path: Path) -> None:
    data = MAKERS["darknet"](tmp_path / "set")
    label = tmp_path / "set/labels/train/c.txt"
    os.utime(label, ns=(10**18, 10**18))
    assert through_cache(data)["all_class_ids"] == [1, 0, 0]
    label.write_text("1 0.5 0.5 0.2 0.4\n")
    os.utime(label, ns=(10**18, 10**18 + 1))
    assert through_cache(data)["all_class_ids"] == [1, 0, 1]


@settings(max_examples=12, deadline=None)
@given(
    st.sampled_from(["darknet", "data_yaml", "image_folder", "numbered"]),
    st.lists(st.sampled_from(sorted(YOLO_CHANGES)), max_size=4),
)
def test_changes_in_any_order_are_seen(tmp_path_factory: pytest.TempPathFactory, kind: str, changes: list[str]) -> None:
    folder = tmp_path_factory.mktemp("set")
    data = MAKERS[kind](folder)
    for change in changes:
        time.sleep(TICK_S)
        try:
            YOLO_CHANGES[change](folder)
        except (FileNotFoundError, AssertionError):  # an earlier change took the file away
            continue
        assert through_cache(data) == read(data)


def test_an_image_in_the_working_directory_counts_as_soon_as_it_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = MAKERS["darknet"](tmp_path / "set")
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    through_cache(data)
    put_image(tmp_path / "here/images/train/a.jpg", 7, 9)  # Darknet's rule: this one now
    assert open_dataset(str(data)).index("train").size(0) == (7, 9)


def test_files_that_just_changed_are_not_trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "SETTLED_NS", 2 * 10**9)
    through_cache(MAKERS["darknet"](tmp_path / "set"))
    assert not cache_folder("index").exists()


def test_small_data_sets_are_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dataset_format, "MIN_CACHED", 4)
    through_cache(MAKERS["darknet"](tmp_path / "set"))
    assert not cache_folder("index").exists()


@pytest.mark.parametrize(
    "damage", [lambda b: b[:-1], lambda b: b[:40], lambda b: b"", lambda b: b[:99] + b"?" + b[100:]]
)
def test_a_damaged_entry_is_read_anew_and_mended(
    damage: Callable[[bytes], bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = MAKERS["darknet"](tmp_path / "set")
    first = through_cache(data)
    (entry,) = cache_folder("index").iterdir()
    whole = entry.read_bytes()
    entry.write_bytes(damage(whole))
    assert load(entry) is None
    assert through_cache(data) == first
    reads = count_reads(monkeypatch)
    assert through_cache(data) == first
    assert not reads


def test_an_entry_is_an_npz_without_pickles(tmp_path: Path) -> None:
    through_cache(MAKERS["darknet"](tmp_path / "set"))
    (entry,) = cache_folder("index").iterdir()
    with np.load(entry, allow_pickle=False) as arrays:
        assert arrays["all_class_ids"].tolist() == [1, 0, 0]


def test_a_cache_that_cannot_be_written_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put_text(tmp_path / "file", "")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    data = MAKERS["darknet"](tmp_path / "set")
    assert through_cache(data) == read(data)


def test_where_it_lies(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ann")
    for value, folder in (("/x", "/x"), ("", "/home/ann/.cache"), ("relative", "/home/ann/.cache")):
        monkeypatch.setenv("XDG_CACHE_HOME", value)
        assert cache_folder("index") == Path(folder) / "yolo/index"


def test_many_at_once_see_whole_entries(tmp_path: Path) -> None:
    put_text(tmp_path / "a", "")
    trace = Trace.take([str(tmp_path / "a"), str(tmp_path / "none")])
    assert trace.stamps[1].tolist() == [-1, -1, -1]
    entry = entry_path("some", "key")
    readings = [Reading(Index.from_records([str(n)] * 1000, []), ((20, "x" * n),)) for n in range(40)]

    def use(reading: Reading) -> tuple[str, ...]:
        store(entry, reading, trace, time.time_ns())
        found = load(entry)
        assert found is not None
        return found.index.names

    with ThreadPoolExecutor(8) as pool:
        for names in pool.map(use, readings):
            assert len(set(names)) == 1
            assert len(names) == 1000
    assert [p.name for p in cache_folder("index").iterdir()] == [entry.name]


def test_entries_that_nobody_uses_go(tmp_path: Path) -> None:
    old = put_text(cache_folder("index") / "old.npz", "")
    os.utime(old, (1, 1))
    through_cache(MAKERS["darknet"](tmp_path / "set"))
    assert not old.exists()


def test_stamps_keep_the_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "CHUNK", 3)
    paths = [str(put_text(tmp_path / str(n), "x" * n)) for n in range(20)]
    assert stamp(paths)[:, 0].tolist() == list(range(20))
    assert stamp([]).shape == (0, 3)

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from yolo.data import index_cache
from yolo.data.collate import collate
from yolo.data.dataset import DetectionDataset
from yolo.data.decode import read_image
from yolo.data.formats import dataset_format
from yolo.data.formats.open_dataset import open_dataset
from yolo.data.formats.sizes import read_size
from yolo.data.sample import Key
from yolo.errors import DataError
from yolo.remote.remote_cache import cache_path
from yolo.remote.upload import Uploader

if TYPE_CHECKING:
    from tests.remote.faulty import Faults
    from yolo.data.index import Index


def image(number: int, size: int = 40) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return np.random.default_rng(number).integers(0, 256, (size, size + number, 3), np.uint8)


@pytest.fixture
def drawn(tmp_path: Path) -> Path:
    folder = tmp_path / "drawn"
    (folder / "images").mkdir(parents=True)
    (folder / "labels").mkdir()
    for number in range(6):
        cv2.imwrite(str(folder / "images" / f"{number}.png"), image(number))
        (folder / "labels" / f"{number}.txt").write_text(f"{number % 2} 0.5 0.5 0.25 0.5\n")
    (folder / "classes.txt").write_text("a\nb\n")
    assert (folder / "images").is_dir()
    return folder


def opened(url: str, *, stream: bool) -> Index:
    return open_dataset(url, stream=stream).index("all")


def test_only_labels_are_kept_and_the_index_is_the_same(bucket: str, faults: Faults, drawn: Path) -> None:
    assert Uploader(drawn, f"{bucket}/set").finish()
    faults.log.clear()
    streamed, fetched = opened(f"{bucket}/set", stream=True), opened(f"{bucket}/set", stream=False)
    np.testing.assert_array_equal(streamed.sizes, fetched.sizes)
    assert streamed.sizes.tolist() == [[40 + number, 40] for number in range(6)]
    np.testing.assert_array_equal(streamed.all_boxes_xyxy, fetched.all_boxes_xyxy)
    kept = [path for path in cache_path(f"{bucket}/set", "stream").rglob("*") if path.is_file() and path.stat().st_size]
    assert {path.suffix for path in kept if path.name != ".fetched"} == {".txt"}
    for number in range(6):
        np.testing.assert_array_equal(read_image(streamed.path(number)), image(number))


def test_an_image_whose_size_is_beyond_the_first_bytes(bucket: str, tmp_path: Path) -> None:
    _, jpeg = cv2.imencode(".jpg", image(3, 200))
    content = jpeg.tobytes()
    comment = b"\xff\xfe" + (50_002).to_bytes(2, "big") + bytes(50_000)
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "late.jpg").write_bytes(content[:2] + comment * 2 + content[2:])
    (tmp_path / "set" / "cut.jpg").write_bytes(content[:100])
    assert Uploader(tmp_path / "set", f"{bucket}/set").finish()
    source = open_dataset(f"{bucket}/set", stream=True)
    cut, late = source.images("all")
    assert read_size(late) == (203, 200)
    assert read_image(late).shape == (200, 203, 3)
    with pytest.raises(DataError, match=r"cut\.jpg: is not an image|cut\.jpg: cannot be read"):
        read_size(cut)


def test_an_image_removed_from_the_store(bucket: str, faults: Faults, drawn: Path) -> None:
    assert Uploader(drawn, f"{bucket}/set").finish()
    index = opened(f"{bucket}/set", stream=True)
    faults.reset()
    path = index.path(0).with_name("none.png")
    path.touch()
    with pytest.raises(DataError, match=r"^s3://yolo-tests/set/images/none\.png: cannot be read: "):
        read_image(path)


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_workers_read_from_the_store(bucket: str, faults: Faults, drawn: Path, method: str) -> None:
    assert Uploader(drawn, f"{bucket}/set").finish()
    index = opened(f"{bucket}/set", stream=True)
    faults.busy = 4
    dataset = DetectionDataset(index=index, size=64, augment=None, seed=0)
    keys = [[Key(0, number, number), Key(0, number + 1, number + 1)] for number in (0, 2, 4)]
    loader = DataLoader(
        dataset, batch_sampler=keys, num_workers=1, collate_fn=collate, multiprocessing_context=method, timeout=120
    )
    batches = torch.cat([batch.images for batch in loader])
    here = [dataset[key] for batch in keys for key in batch]
    assert torch.equal(batches, torch.cat([collate([item]).images for item in here]))  # type: ignore[union-attr]


def test_the_index_is_read_again_after_an_image_changed(
    bucket: str, faults: Faults, drawn: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dataset_format, "MIN_CACHED", 1)
    monkeypatch.setattr(index_cache, "SETTLED_NS", 0)
    assert Uploader(drawn, f"{bucket}/set").finish()

    def reads() -> list[str]:
        faults.log.clear()
        sizes = opened(f"{bucket}/set", stream=True).sizes
        assert sizes[2].tolist() == [side, 40]
        return sorted(line.split("/")[-1] for line in faults.log if line.startswith("GET /yolo-tests/set/images"))

    side = 42
    assert reads() == [f"{number}.png" for number in range(6)]
    assert reads() == []
    side = 45
    cv2.imwrite(str(drawn / "images" / "2.png"), image(5))
    assert Uploader(drawn, f"{bucket}/set").finish()
    assert reads() == [f"{number}.png" for number in range(6)]

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from yolo.engine.checkpoint import load_checkpoint, save_checkpoint
from yolo.errors import WeightsError


def test_round_trip(tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "a.pt", {"model": {"w": torch.arange(3.0)}, "epoch": 2})
    state = load_checkpoint(tmp_path / "a.pt")
    assert state["epoch"] == 2
    assert state["model"]["w"].tolist() == [0, 1, 2]
    assert [path.name for path in tmp_path.iterdir()] == ["a.pt"]


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "a.pt"
    save_checkpoint(path, {"model": {}, "epoch": 1})
    with pytest.raises(AttributeError, match="local"):
        save_checkpoint(path, {"model": {}, "epoch": 2, "bad": lambda: None})
    assert load_checkpoint(path)["epoch"] == 1
    assert [path.name for path in tmp_path.iterdir()] == ["a.pt"]


def test_bad_files_are_one_line(tmp_path: Path) -> None:
    whole, cut, odd, code = (tmp_path / f"{name}.pt" for name in ("whole", "cut", "odd", "code"))
    save_checkpoint(whole, {"model": {"w": torch.zeros(100)}})
    cut.write_bytes(whole.read_bytes()[:-100])
    save_checkpoint(odd, {"weights": 1})
    torch.save({"model": Path("a")}, code)  # an object that needs code to load
    for path, problem in [
        (tmp_path / "none.pt", "no such file"),
        (cut, "it is cut short or of another format"),
        (odd, "it holds no 'model'"),
        (code, "it holds pathlib.PosixPath, which would run code from the file"),
    ]:
        with pytest.raises(WeightsError) as caught:
            load_checkpoint(path)
        assert str(path) in str(caught.value)
        assert problem in str(caught.value)
        assert "\n" not in str(caught.value)

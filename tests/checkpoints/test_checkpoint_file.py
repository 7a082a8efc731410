from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from yolo.checkpoints.checkpoint_file import load_checkpoint, save_checkpoint
from yolo.errors import WeightsError


def test_checkpoints_are_saved_and_loaded(tmp_path: Path) -> None:
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


def test_errors_of_bad_files_are_one_line(tmp_path: Path) -> None:
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


@pytest.mark.parametrize("zipped", [True, False])  # False: as torch before 1.6 wrote it
@pytest.mark.parametrize("fitness", [np.float64(0.5), np.array([0.5]), 0.5])  # as older trainers left it
def test_checkpoints_of_older_trainers_load(zipped: bool, fitness: object, tmp_path: Path) -> None:
    state = {"model": {"w": torch.arange(3.0)}, "best_fitness": fitness, "optimizer": None}
    torch.save(state, tmp_path / "a.pt", _use_new_zipfile_serialization=zipped)
    found = load_checkpoint(tmp_path / "a.pt")
    assert found["best_fitness"] == 0.5
    assert found["model"]["w"].tolist() == [0, 1, 2]


def test_numpy_values_do_not_allow_other_objects(tmp_path: Path) -> None:
    torch.save({"model": {}, "best_fitness": np.float64(0.5), "bad": Path("a")}, tmp_path / "a.pt")
    with pytest.raises(WeightsError, match=r"it holds pathlib\.PosixPath, which would run code from the file"):
        load_checkpoint(tmp_path / "a.pt")


def test_a_bare_state_dict_becomes_the_model(tmp_path: Path) -> None:
    torch.save({"w": torch.arange(3.0)}, tmp_path / "a.pt")
    assert load_checkpoint(tmp_path / "a.pt")["model"]["w"].tolist() == [0, 1, 2]


@pytest.mark.parametrize("kept", [20, 40, 200, 400])
def test_truncated_files_in_the_old_format_are_an_error(kept: int, tmp_path: Path) -> None:
    torch.save({"model": {"w": torch.zeros(100)}}, tmp_path / "a.pt", _use_new_zipfile_serialization=False)
    (tmp_path / "a.pt").write_bytes((tmp_path / "a.pt").read_bytes()[:kept])
    with pytest.raises(WeightsError, match=r"a\.pt: not a checkpoint that can be read: it is damaged"):
        load_checkpoint(tmp_path / "a.pt")

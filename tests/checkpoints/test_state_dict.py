from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
import torch

from yolo.checkpoints.checkpoint_file import save_checkpoint
from yolo.checkpoints.state_dict import ModelState, is_state_file, model_state, read_state, write_state
from yolo.errors import SettingsError, WeightsError

STATE = ModelState(
    tensors={"layers.0.conv.weight": torch.rand(2, 3, 3, 3).to(memory_format=torch.channels_last)},
    images_seen=2**40,
    cfg="[net]\nwidth=8 # \u00e9\n",
    names=("cell", "white cell"),
)


@pytest.mark.parametrize("name", ["a.pt", "a.pth", "a.safetensors"])
def test_model_states_are_written_and_read(name: str, tmp_path: Path) -> None:
    assert is_state_file(tmp_path / name)
    write_state(tmp_path / name, STATE)
    found = read_state(tmp_path / name)
    assert (found.images_seen, found.cfg, found.names) == (STATE.images_seen, STATE.cfg, STATE.names)
    assert found.tensors.keys() == STATE.tensors.keys()
    assert torch.equal(found.tensors["layers.0.conv.weight"], STATE.tensors["layers.0.conv.weight"])
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("name", ["a.weights", "darknet53.conv.74", "a"])
def test_other_suffixes_are_no_state_files(name: str) -> None:
    assert not is_state_file(Path(name))


def test_a_tensor_with_two_names_can_be_written(tmp_path: Path) -> None:
    shared = torch.rand(3)
    write_state(tmp_path / "a.safetensors", ModelState(tensors={"a": shared, "b": shared}))
    assert torch.equal(read_state(tmp_path / "a.safetensors").tensors["b"], shared)


def test_safetensors_of_other_programs(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    save_file({"module_list.0.Conv2d.bias": torch.ones(2)}, tmp_path / "a.safetensors")
    found = read_state(tmp_path / "a.safetensors")
    assert (list(found.tensors), found.images_seen, found.cfg, found.names) == (["layers.0.conv.bias"], 0, None, ())


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "not a safetensors file that can be read: "),
        (b"\xff" * 40, "not a safetensors file that can be read: "),
        ((2).to_bytes(8, "little") + b"{]", "not a safetensors file that can be read: "),
    ],
)
def test_a_damaged_safetensors_file_is_an_error(data: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    path.write_bytes(data)
    with pytest.raises(WeightsError) as caught:
        read_state(path)
    assert str(caught.value).startswith(f"{path}: {message}")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("metadata", [{"names": "["}, {"names": "3"}, {"images_seen": "many"}])
def test_damaged_metadata_is_an_error(metadata: dict[str, str], tmp_path: Path) -> None:
    from safetensors.torch import save_file

    save_file({"a": torch.ones(2)}, tmp_path / "a.safetensors", metadata)
    with pytest.raises(WeightsError, match="not a safetensors file that can be read"):
        read_state(tmp_path / "a.safetensors")


def test_a_missing_package_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "safetensors", None)
    monkeypatch.setitem(sys.modules, "safetensors.torch", None)
    for use in (lambda: read_state(tmp_path / "a.safetensors"), lambda: write_state(tmp_path / "a.safetensors", STATE)):
        with pytest.raises(SettingsError, match=r"a\.safetensors: .* run: pip install safetensors"):
            use()


def test_missing_and_unknown_entries_of_older_trainers() -> None:
    tensor = torch.ones(1)
    old = {"model": {"module_list.0.Conv2d.bias": tensor, "note": "x"}, "epoch": 3, "ema": {}, "images_seen": None}
    found = model_state(old)
    assert (found.tensors, found.images_seen, found.cfg) == ({"layers.0.conv.bias": tensor}, 0, None)


def test_metadata_of_safetensors_is_plain_text(tmp_path: Path) -> None:
    write_state(tmp_path / "a.safetensors", STATE)
    data = (tmp_path / "a.safetensors").read_bytes()
    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    assert header["__metadata__"] == {"cfg": STATE.cfg, "names": '["cell", "white cell"]', "images_seen": str(2**40)}


def test_a_checkpoint_without_tensors_is_an_error(tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "a.pt", {"model": 3})
    with pytest.raises(WeightsError, match="it holds no 'model'"):
        read_state(tmp_path / "a.pt")

from __future__ import annotations

import functools
import socket
from dataclasses import replace
from pathlib import Path

import pytest
import torch

import yolo.checkpoints.published
from tests.serving import Answer, serving
from yolo.checkpoints.loading import load_model
from yolo.checkpoints.published import (
    PublishedWeights,
    download_urls,
    find_published,
    find_weights,
    find_weights_and_cfg,
    registry,
)
from yolo.darknet.cfg_file import CfgFile
from yolo.darknet.weights_file import WeightsHeader
from yolo.errors import DownloadError, WeightsError
from yolo.model.graph import read_graph
from yolo.model.network import Darknet
from yolo.storage import shipped_names
from yolo.training.build_model import build_model
from yolo.training.read_settings import read_train_settings

SMALL = """[net]
width=32
height=32
channels=3
[convolutional]
filters=21
size=1
activation=linear
[yolo]
mask=0,1,2
anchors=4,4,8,8,16,16
classes=2
num=3
"""
NUM_BYTES = 20 + 4 * (21 + 21 * 3)
BODY = WeightsHeader().to_bytes() + torch.arange(84, dtype=torch.float32).numpy().tobytes()


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PublishedWeights:
    """A registry of one small file, an empty cache and an empty working folder."""
    (tmp_path / "work").mkdir()
    (tmp_path / "small.cfg").write_text(SMALL)
    entry = PublishedWeights(
        name="small",
        cfg=str(tmp_path / "small.cfg"),
        num_bytes=NUM_BYTES,
        urls=("http://127.0.0.1:1/small.weights",),
        trained_on="nothing",
    )
    set_registry(monkeypatch, entry)
    monkeypatch.chdir(tmp_path / "work")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("YOLO_OFFLINE", raising=False)
    monkeypatch.delenv("YOLO_WEIGHTS_MIRROR", raising=False)
    return entry


def set_registry(monkeypatch: pytest.MonkeyPatch, entry: PublishedWeights) -> None:
    monkeypatch.setattr(yolo.checkpoints.published, "registry", lambda: {entry.name: entry})


def cached_path(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "yolo" / "weights" / "small.weights"


@functools.cache
def num_values_of_layers(cfg: str) -> list[int]:
    with torch.device("meta"):
        model = Darknet.from_cfg(CfgFile.read(cfg))
    layers = zip(model.nodes, model.layers, strict=True)
    return [sum(tensor.numel() for tensor in node.spec.weights(layer)) for node, layer in layers]


@pytest.mark.parametrize("entry", registry().values(), ids=lambda entry: str(entry.name))
def test_file_lengths_of_the_registry_match_the_networks(entry: PublishedWeights) -> None:
    _, cut, num_layers = entry.file_name.rpartition(".conv.")
    values = num_values_of_layers(entry.cfg)[: int(num_layers) if cut else None]
    header = 16 if entry.cfg == "yolov2" else 20  # written by Darknet 0.1, when `seen` had four bytes
    assert entry.num_bytes == header + 4 * sum(values)


def test_registry_entries_are_consistent() -> None:
    entries = registry()
    assert len({entry.file_name for entry in entries.values()}) == len(entries)
    assert {entry.cfg for entry in entries.values()} <= set(shipped_names("cfg", ".cfg"))
    for name, entry in entries.items():
        assert entry.file_name == name + ("" if ".conv." in name else ".weights")
        assert all(url.startswith("https://") and url.endswith("/" + entry.file_name) for url in entry.urls)
        assert entry.sha256 is None or len(bytes.fromhex(entry.sha256)) == 32
        assert (entry.measured_on is None) == (entry.ap50 is None)
        assert entry.score_on is None or ("val2017" in entry.score_on) == ("train2017" in entry.trained_on)


def test_an_existing_file_has_priority_over_a_name(small: PublishedWeights) -> None:
    Path("small").write_text("mine")
    assert find_weights("small") == Path("small")
    assert find_published("small") is None  # so that it does not bring the registry's network either
    assert find_weights_and_cfg("small", None) == (Path("small"), None)
    assert find_published("small.weights") == small


def test_the_working_folder_has_priority_over_the_cache(small: PublishedWeights, tmp_path: Path) -> None:
    assert small.num_bytes == NUM_BYTES
    cached_path(tmp_path).parent.mkdir(parents=True)
    cached_path(tmp_path).write_text("cached")
    assert find_weights("small") == cached_path(tmp_path)
    Path("weights").mkdir()
    Path("weights/small.weights").write_text("mine")
    assert find_weights("small") == find_weights("small.weights") == Path("weights/small.weights")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("smal", r"--weights smal: no such file, nor .* \(similar: small; `python -m yolo.weights list`"),
        ("zzz", r"zzz: no such file, nor .* \(no similar name; "),
        (
            "nets/small.weights",
            "small.weights: no such file; check the path, or give only its name .*: --weights small$",
        ),
        ("nets/mine.weights", r"mine\.weights: no such file; check the path$"),
        ("best.pt", r"best\.pt: no such file; check the path$"),
        ("", r"--weights : no such file"),
    ],
)
@pytest.mark.usefixtures("small")
def test_an_unknown_name_is_an_error(name: str, message: str) -> None:
    with pytest.raises(WeightsError, match=message):
        find_weights(name)


def test_published_weights_are_downloaded_once(
    small: PublishedWeights, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "yolo")
    with serving(BODY) as site:
        set_registry(monkeypatch, replace(small, urls=(f"{site.url}/small.weights",), score_on="val2017"))
        assert [find_weights("small"), find_weights("small.weights")] == [cached_path(tmp_path)] * 2
    assert [path for path, _ in site.requests] == ["/small.weights"]
    assert cached_path(tmp_path).read_bytes() == BODY
    assert list(tmp_path.joinpath("work").iterdir()) == []
    assert (
        caplog.messages
        == [f"{cached_path(tmp_path)}: published weights, trained on nothing; evaluate it only on val2017"] * 2
    )


def test_the_second_url_is_used_if_the_first_fails(
    small: PublishedWeights, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(BODY, Answer(body=b"<html>", content_type="text/html")) as site:
        set_registry(
            monkeypatch, replace(small, urls=(f"{site.url}/moved/small.weights", f"{site.url}/new/small.weights"))
        )
        assert find_weights("small").read_bytes() == BODY
    assert [path for path, _ in site.requests] == ["/moved/small.weights", "/new/small.weights"]


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (Answer(404), "answers 404"),
        (Answer(body=BODY[:-4]), f"has {NUM_BYTES - 4} bytes, expected {NUM_BYTES}"),
        (Answer(body=b"x" * NUM_BYTES), "not a Darknet weights file: its header says version"),
    ],
)
def test_a_failed_download_is_an_error(
    small: PublishedWeights, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: Answer, message: str
) -> None:
    with serving(BODY, answer) as site:
        set_registry(monkeypatch, replace(small, urls=(f"{site.url}/small.weights",)))
        with pytest.raises(DownloadError, match=f"--weights small: .*{message}.*put small.weights .* into weights/ or"):
            find_weights("small")
    assert not cached_path(tmp_path).exists()


def test_only_the_mirror_is_contacted(small: PublishedWeights, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(BODY) as site:
        monkeypatch.setenv("YOLO_WEIGHTS_MIRROR", f"{site.url}/darknet/")
        assert download_urls(small) == (f"{site.url}/darknet/small.weights",)
        assert find_weights("small").read_bytes() == BODY
    assert site.requests == [("/darknet/small.weights", None)]
    assert cached_path(tmp_path).is_file()


@pytest.mark.usefixtures("small")
def test_an_unwritable_cache_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "cache").touch()
    with pytest.raises(
        DownloadError, match=r"cache/yolo/weights: cannot be written: .*; put small.weights .*into weights/"
    ):
        find_weights("small")


def fail_to_open_socket(*arguments: object, **options: object) -> socket.socket:
    raise AssertionError("a socket was opened")


def test_offline_opens_no_socket(small: PublishedWeights, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "socket", fail_to_open_socket)
    with pytest.raises(AssertionError, match="a socket was opened"):
        find_weights("small")
    by_hand = (
        rf"not downloaded yet, and offline; put small\.weights \({NUM_BYTES} bytes, {small.urls[0]}\) "
        "into weights/ or /"
    )
    with pytest.raises(WeightsError, match=by_hand):
        find_weights("small", offline=True)
    monkeypatch.setenv("YOLO_OFFLINE", "1")
    with pytest.raises(WeightsError, match=by_hand):
        find_weights("small")
    monkeypatch.setenv("YOLO_WEIGHTS_MIRROR", "http://127.0.0.1:1/")
    with pytest.raises(WeightsError, match=by_hand):
        find_weights("small")
    (tmp_path / "mirror").mkdir()
    (tmp_path / "mirror" / "small.weights").write_bytes(BODY)
    monkeypatch.setenv("YOLO_WEIGHTS_MIRROR", "../mirror")  # a folder needs no network
    assert find_weights("small") == cached_path(tmp_path)
    monkeypatch.delenv("YOLO_WEIGHTS_MIRROR")
    assert find_weights("small") == cached_path(tmp_path)


@pytest.mark.parametrize(
    ("value", "offline"), [("1", True), ("yes", True), ("0", False), ("false", False), ("", False)]
)
def test_values_of_the_offline_variable(value: str, offline: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("YOLO_OFFLINE", value)
    assert yolo.checkpoints.published.is_offline() == offline


def test_a_model_is_loaded_by_the_name_of_its_weights(small: PublishedWeights, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(BODY) as site:
        monkeypatch.setenv("YOLO_WEIGHTS_MIRROR", site.url)
        model, names = load_model(None, "small", torch.device("cpu"))
    assert names == ()
    assert model.cfg.path == small.cfg
    weight = model.state_dict()["layers.0.conv.weight"].flatten()
    assert weight.tolist() == list(range(21, 84))
    trained = build_model(read_graph(small.cfg), str(find_weights("small", offline=True)), ["a", "b"])
    assert torch.equal(trained.state_dict()["layers.0.conv.weight"].flatten(), weight)


def test_training_defaults_to_the_network_of_its_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine.yaml").write_text("epochs: 3\n")
    Path("other.yaml").write_text("cfg: yolov4\n")
    weights, data = ["--weights", "darknet53.conv.74"], ["--data", "voc"]
    assert read_train_settings([*weights, *data]).model.cfg == "yolov3"
    assert read_train_settings([*weights, *data, "--hyp", "mine.yaml"]).model.cfg == "yolov3"
    assert read_train_settings([*weights, *data, "--hyp", "other.yaml"]).model.cfg == "yolov4"
    assert read_train_settings([*weights, *data, "--cfg", "yolov3-spp"]).model.cfg == "yolov3-spp"
    assert read_train_settings(weights).model.cfg == "yolov3"  # the demonstration, with these weights
    Path("darknet53.conv.74").touch()
    assert read_train_settings([*weights, *data]).model.cfg == ""

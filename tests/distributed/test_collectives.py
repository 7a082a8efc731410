"""Collectives, and errors on one of several ranks."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.distributed import FileStore  # type: ignore[attr-defined]

from tests.data.formats.images import put_image, put_text
from tests.distributed.ranks import run_ranks
from yolo import distributed
from yolo.boxes.detections import Detections
from yolo.data.formats.open_dataset import open_dataset
from yolo.data.index import Index
from yolo.distributed import torch_group
from yolo.distributed.collectives import is_first_to_report
from yolo.distributed.launch_env import LaunchEnv
from yolo.distributed.sync_batch_norm import SyncedBatchNorm2d, convert_sync_batch_norm
from yolo.distributed.torch_group import _agree_on_name
from yolo.errors import DataError, OtherProcessError, SettingsError, TrainingError
from yolo.evaluation.evaluator import Evaluator


def call_collectives() -> dict[str, object]:
    rank = distributed.rank()
    model = nn.Linear(2, 2)
    nn.init.constant_(model.weight, rank)
    try:
        distributed.check_equal(model, "here")
        differed = ""
    except TrainingError as error:
        differed = str(error)
    distributed.broadcast_module(model)
    distributed.check_equal(model, "here")
    return {
        "ranks": (rank, distributed.world_size(), distributed.local_rank(), distributed.is_main()),
        "sum": distributed.all_reduce_sum(torch.tensor([1, rank])).tolist(),
        "mean": float(distributed.all_reduce_mean(torch.tensor(float(rank)))),
        "any_rank": (distributed.any_rank(rank == 1), distributed.any_rank(False)),
        "all_gather": distributed.all_gather(torch.arange(rank + 1)).tolist(),
        "nothing": tuple(distributed.all_gather(torch.zeros(0, 4)).shape),
        "texts": distributed.all_gather_texts("a" * rank),
        "main": distributed.run_on_main_and_broadcast(lambda: f"of {distributed.rank()}"),
        "job_ids": (distributed.job_id(), distributed.run_on_main_and_broadcast(distributed.job_id)),
        "weight": float(model.weight.detach().sum()),
        "differed": differed.split(";")[0],
        "said": is_first_to_report("the same"),
    }


def test_collectives_on_three_ranks() -> None:
    every = run_ranks(call_collectives, 3)
    assert [each.pop("ranks") for each in every] == [(0, 3, 0, True), (1, 3, 1, False), (2, 3, 2, False)]
    assert sum(each.pop("said") for each in every) == 1
    expected = {
        "sum": [3, 3],
        "mean": 1.0,
        "any_rank": (True, False),
        "all_gather": [0, 0, 1, 0, 1, 2],
        "nothing": (0, 4),
        "texts": ["", "a", "aa"],
        "main": "of 0",
        "job_ids": ("torchrun j 0123", "torchrun j 0123"),
        "weight": 0.0,
        "differed": "here: the weights of rank 1, 2 differ from those of rank 0",
    }
    assert every == [expected] * 3


def fetch(folder: str, fails: bool) -> str:
    try:
        with distributed.local_main_first("fetch"):
            if distributed.local_rank() == 0:
                time.sleep(0.3)
                if fails:
                    raise DataError("no such bucket")
                Path(folder, "file").write_text("whole")
            found = Path(folder, "file").read_text()
    except (DataError, OtherProcessError) as error:
        return f"{type(error).__name__}: {error}"
    return found


def test_the_first_local_process_works_while_the_others_wait(tmp_path: Path) -> None:
    assert run_ranks(fetch, 2, str(tmp_path), False) == ["whole", "whole"]
    assert run_ranks(fetch, 2, str(tmp_path), True) == [
        "DataError: no such bucket",
        "OtherProcessError: rank 0 could not fetch",
    ]


def fail_on_main() -> str:
    def fail() -> None:
        raise SettingsError("--epochs 0: use 1 or more")

    try:
        distributed.run_on_main_and_broadcast(fail)
    except SettingsError as error:
        return f"{type(error).__name__}: {error}"
    except OtherProcessError as error:
        return f"{type(error).__name__}: {error}"
    return "no error"


def test_an_error_on_rank_0_is_raised_on_all_ranks() -> None:
    assert run_ranks(fail_on_main, 2) == [
        "SettingsError: --epochs 0: use 1 or more",
        "OtherProcessError: rank 0 failed",
    ]


def batch_norm_results() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, list[torch.Tensor]]:
    """Return output, gradients and buffers of batch normalisation; rank 0 has 3 of the 4 images."""
    rank, world = distributed.rank(), distributed.world_size()
    x = torch.rand(4, 3, 5, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64) * 3
    own = x if world == 1 else (x[:3] if rank == 0 else x[3:])
    own = own.clone().requires_grad_()
    model = nn.Sequential(nn.BatchNorm2d(3), nn.Sequential(nn.BatchNorm2d(3))).double()
    nn.init.constant_(model.get_parameter("0.weight"), 1.5)
    if world > 1:
        convert_sync_batch_norm(model)
        assert isinstance(model[0], SyncedBatchNorm2d)
    out = model(own)
    out.pow(3).sum().backward()
    assert own.grad is not None
    gradient = model.get_parameter("0.weight").grad
    assert gradient is not None
    weight_grad = distributed.all_reduce_sum(gradient)
    return (
        distributed.all_gather(out.detach()),
        distributed.all_gather(own.grad),
        weight_grad,
        [b.double() for b in model.buffers()],
    )


def test_synchronised_batch_norm_equals_that_of_one_process() -> None:
    out, grad, weight_grad, buffers = batch_norm_results()
    for rank_out, rank_grad, rank_weight_grad, rank_buffers in run_ranks(batch_norm_results, 2):
        torch.testing.assert_close(rank_out, out)
        torch.testing.assert_close(rank_grad, grad, rtol=1e-9, atol=1e-9)
        torch.testing.assert_close(rank_weight_grad, weight_grad)
        torch.testing.assert_close(rank_buffers, buffers)


def random_detections(image_id: int) -> Detections:
    rng = np.random.default_rng(image_id)
    corner = torch.from_numpy(rng.uniform(9, 13, (5, 2)))
    scores = torch.tensor([0.9, 0.5, 0.5, 0.5, 0.1])  # ties must not be ordered by rank
    return Detections(torch.cat([corner, corner + 10], 1), scores, torch.from_numpy(rng.integers(0, 2, 5)))


def evaluate(folder: str) -> dict[str, object]:
    index: Index = open_dataset(folder).index("train")
    evaluator = Evaluator(index)
    for image_id in range(distributed.rank(), len(index), distributed.world_size()):
        evaluator.process([image_id], [random_detections(image_id)])
    return evaluator.evaluate().as_json()


def test_scores_are_the_same_for_any_number_of_ranks(tmp_path: Path) -> None:
    for number in range(5):
        put_image(tmp_path / "images" / "train" / f"{number}.png", 40, 40)
        rows = f"{number % 2} 0.4 0.4 0.3 0.3\n1 0.6 0.5 0.25 0.3\n"
        put_text(tmp_path / "labels" / "train" / f"{number}.txt", rows)
    (tmp_path / "data.yaml").write_text("path: .\ntrain: images/train\nval: images/train\nnames: [a, b]\n")
    one = evaluate(str(tmp_path / "data.yaml"))
    assert 0 < float(str(one["map50"])) < 1
    for world in (2, 3):
        assert run_ranks(evaluate, world, str(tmp_path / "data.yaml")) == [one] * world


@pytest.mark.parametrize("compression", ["none", "fp16", "bf16", "powersgd"])
def test_compressed_gradients_are_close_to_the_mean(compression: str) -> None:
    for difference in run_ranks(compression_error, 2, compression):
        assert difference < {"none": 1e-7, "fp16": 1e-3, "bf16": 1e-2, "powersgd": 1e-7}[compression]


def compression_error(compression: distributed.Compression) -> float:
    """Return the largest error of an averaged gradient, relative to the largest value of the true mean."""
    torch.manual_seed(0)
    model = nn.Linear(40, 30)
    replica = distributed.replicate(model, static=True, compression=compression)
    x = torch.rand(8, 40, generator=torch.Generator().manual_seed(distributed.rank()))
    called = replica.wrap()
    with replica.sync_context(last=True):
        called(x).square().sum().backward()
    got = model.weight.grad
    plain = nn.Linear(40, 30)
    plain.load_state_dict(model.state_dict())
    plain(x).square().sum().backward()
    assert got is not None
    assert plain.weight.grad is not None
    expected = distributed.all_reduce_mean(plain.weight.grad)
    return float((got - expected).abs().max() / expected.abs().max())


def names_after_restart(folder: str) -> tuple[list[int], str]:
    """Agree on a name in a store that still holds the keys of an earlier start."""
    store = FileStore(f"{folder}/store", 2)
    for rank in range(2) if distributed.is_main() else ():
        store.set(f"here {rank}", f"old {rank}")
        store.set(f"answer old {rank}", "old 0")
        store.set(f"confirmed old 0 {rank}", "")
    distributed.any_rank(False)  # wait until the keys are set
    launch_env = LaunchEnv(launcher="test", rank=distributed.rank(), world_size=2)
    name = _agree_on_name(store, launch_env)
    return distributed.all_gather(torch.tensor([distributed.rank()])).tolist(), name


def test_keys_of_an_earlier_start_are_ignored(tmp_path: Path) -> None:
    (ranks, first), (_, second) = run_ranks(names_after_restart, 2, str(tmp_path))
    assert ranks == [0, 1]
    assert first == second
    assert len(first) == 32


def test_missing_ranks_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch_group, "RENDEZVOUS_TIMEOUT_S", 0.3)
    launch_env = LaunchEnv(launcher="srun", rank=1, world_size=4)
    with pytest.raises(SettingsError, match=r"rank 1 \(srun\): of 4 processes, rank 0, 2, 3 did not connect to file:"):
        torch_group._rendezvous(launch_env, f"file://{tmp_path}/store")

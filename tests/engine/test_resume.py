"""Check that a stopped and resumed run ends bit-identical to an uninterrupted one."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from yolo.checkpoints.checkpoint_file import load_checkpoint
from yolo.engine.callback import Callback
from yolo.engine.callbacks.checkpoints import Checkpoints
from yolo.engine.callbacks.results_csv import ResultsCsv
from yolo.engine.callbacks.stop_on_signal import StopOnSignal
from yolo.engine.early_stop import EarlyStop
from yolo.engine.ema import ModelEma
from yolo.engine.optimizer import build_optimizer
from yolo.engine.precision import Precision
from yolo.engine.schedule import Schedule
from yolo.engine.trainer import Trainer
from yolo.errors import TrainingError

EPOCHS = 3
BATCHES = 7


class Batches:
    """Loader whose batches differ in each epoch."""

    def __init__(self, count: int = BATCHES) -> None:
        self.count = count
        self.epoch = self.first = 0

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[Tensor]:
        generator = torch.Generator().manual_seed(self.epoch)
        return iter([torch.rand(4, 3, generator=generator) for _ in range(self.count)][self.first :])

    def set_epoch(self, epoch: int, record: Mapping[str, float]) -> None:
        self.epoch = epoch

    def skip(self, batches: int) -> None:
        self.first = batches


class StopAtStep(Callback):
    """Stops the run after the given step; 0 never stops it."""

    def __init__(self, step: int) -> None:
        self.step = step

    def on_step_end(self, trainer: Trainer) -> None:
        if trainer.state.step == self.step:
            trainer.stop("test")


def compute_loss(model: nn.Module, batch: Tensor, images_seen: int, epoch: float) -> dict[str, Tensor]:
    return {"square": (model(batch) - batch.sum(1, keepdim=True)).square().mean()}


def validate(model: nn.Module) -> dict[str, float]:
    batch = torch.rand(4, 3, generator=torch.Generator().manual_seed(99))
    return {f"val/{name}": float(term) for name, term in compute_loss(model, batch, 0, 0).items()}


def fitness(record: Mapping[str, float]) -> float:
    return -record["train/square"]


def policy(progress: float) -> float:
    return 1 - 0.9 * progress


def trainer(folder: Path, *callbacks: Callback, batches: int = BATCHES, precision: Any = "fp32") -> Trainer:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 8), nn.BatchNorm1d(8), nn.Dropout(0.3), nn.ReLU(), nn.Linear(8, 1))
    return Trainer(
        model=model,
        compute_loss=compute_loss,
        loader=Batches(batches),
        optimizer=build_optimizer(model, "sgd", lr=0.1, momentum=0.9, weight_decay=0.01),
        schedule=Schedule(
            epochs=EPOCHS, policy=policy, burn_in=1, lr=0.1, momentum=0.9, weight_decay=0.01, accumulate=2
        ),
        precision=Precision(precision, torch.device("cpu")),
        ema=ModelEma(model),
        validate=validate,
        callbacks=[
            ResultsCsv(folder / "results.csv"),
            *callbacks,
            Checkpoints(folder, description={}, fitness=fitness, save_best=lambda *best: None),
        ],
    )


def all_tensors(run: Trainer) -> list[Tensor]:
    return [*run.model.state_dict().values(), *run.ema.model.state_dict().values()]


@pytest.mark.parametrize("precision", ["fp32", "bf16", "fp16"])
@pytest.mark.parametrize("stop", [1, 3, 5, 6, 9])  # in burn-in, at an epoch's last step, after it
def test_a_resumed_run_is_bit_identical(tmp_path: Path, stop: int, precision: str) -> None:
    (tmp_path / "whole").mkdir()
    (tmp_path / "parts").mkdir()
    whole = trainer(tmp_path / "whole", precision=precision)
    whole.train()
    trainer(tmp_path / "parts", StopAtStep(stop), precision=precision).train()
    torch.rand(5)  # the generators are in another state
    resumed = trainer(tmp_path / "parts", StopAtStep(0), precision=precision)
    resumed.load_state_dict(load_checkpoint(tmp_path / "parts" / "last.pt"))
    assert resumed.state.step == stop
    resumed.train()
    assert resumed.state == whole.state
    assert resumed.record == whole.record
    for found, expected in zip(all_tensors(resumed), all_tensors(whole), strict=True):
        assert torch.equal(found, expected)
    assert resumed.ema.updates == whole.ema.updates
    texts = [(tmp_path / name / "results.csv").read_text() for name in ("parts", "whole")]
    assert texts[0] == texts[1]


def test_resuming_with_another_number_of_batches_keeps_the_share_of_the_epoch(tmp_path: Path) -> None:
    trainer(tmp_path, StopAtStep(3)).train()
    before = load_checkpoint(tmp_path / "last.pt")["state"]
    resumed = trainer(tmp_path, batches=2 * BATCHES)
    resumed.callbacks = [resumed.callbacks[0], StopAtStep(0), resumed.callbacks[1]]
    resumed.load_state_dict(load_checkpoint(tmp_path / "last.pt"))
    assert resumed.state.batches == 2 * before["batches"]


def test_checkpoints_are_saved_within_an_epoch_at_the_interval(tmp_path: Path) -> None:
    saved = []

    class RecordSavedStep(Callback):
        def on_step_end(self, trainer: Trainer) -> None:
            saved.append(load_checkpoint(tmp_path / "last.pt")["state"]["step"])

    run = trainer(tmp_path)
    checkpoints = run.callbacks[-1]
    assert isinstance(checkpoints, Checkpoints)
    checkpoints.interval_s = 0
    run.callbacks = [*run.callbacks, RecordSavedStep()]
    run.train()
    assert saved == list(range(1, run.state.step + 1))


def test_early_stop_counts_epochs_and_survives_a_resume(tmp_path: Path) -> None:
    run = trainer(tmp_path)
    run.early_stop = EarlyStop(lambda record: 0.0, patience=1)
    run.train()
    assert run.state.epoch == 2  # the first epoch is the best, the second no better
    assert run.stop_reason == "no epoch was better than epoch 1 for 1 epochs"
    again = trainer(tmp_path)
    again.early_stop = EarlyStop(lambda record: 0.0, patience=1)
    again.load_state_dict(load_checkpoint(tmp_path / "last.pt"))
    again.train()
    assert again.state.epoch == 2


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_run_after_the_step(tmp_path: Path, number: signal.Signals) -> None:
    class SendSignal(Callback):
        def on_step_end(self, trainer: Trainer) -> None:
            if trainer.state.step == 2:
                os.kill(os.getpid(), number)

    before = signal.getsignal(number)
    run = trainer(tmp_path, StopOnSignal(), SendSignal())
    run.train()
    assert (run.state.step, run.stop_reason) == (2, number.name)
    assert signal.getsignal(number) is before
    assert load_checkpoint(tmp_path / "last.pt")["state"]["step"] == 2


def test_a_signal_that_is_passed_on_twice_does_not_end_the_run_at_once(tmp_path: Path) -> None:
    class SendSignals(Callback):
        def on_step_end(self, trainer: Trainer) -> None:
            for number in (signal.SIGTERM, signal.SIGTERM, signal.SIGINT) if trainer.state.step == 2 else ():
                os.kill(os.getpid(), number)

    run = trainer(tmp_path, StopOnSignal(), SendSignals())
    run.train()
    assert (run.state.step, run.stop_reason) == (2, "SIGTERM")


def test_a_second_interrupt_ends_the_run_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("yolo.engine.callbacks.stop_on_signal.SAME_REQUEST_S", -1.0)

    class SendSignals(Callback):
        def on_step_end(self, trainer: Trainer) -> None:
            os.kill(os.getpid(), signal.SIGINT)
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        trainer(tmp_path, StopOnSignal(), SendSignals()).train()


@pytest.mark.parametrize("where", ["model", "ema"])
def test_a_run_whose_weights_are_not_finite_fails_and_keeps_the_last_finite_state(tmp_path: Path, where: str) -> None:
    class Spoil(Callback):
        def on_step_end(self, trainer: Trainer) -> None:
            if trainer.state.epoch == 1:
                model = trainer.model if where == "model" else trainer.ema.model
                next(model.parameters()).data[0, 0] = float("nan")

    with pytest.raises(TrainingError, match=r"after step \d+: \d+ values of 0.weight.* are NaN or infinite; what was"):
        trainer(tmp_path, Spoil()).train()
    kept = load_checkpoint(tmp_path / "last.pt")
    assert kept["state"]["epoch"] == 1
    assert all(tensor.isfinite().all() for tensor in kept["model"].values())

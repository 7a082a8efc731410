"""Test the training loop with a two-layer network and synthetic batches: no cfg, no boxes."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from yolo.checkpoints.checkpoint_file import load_checkpoint
from yolo.engine.callback import Callback
from yolo.engine.callbacks.checkpoints import Checkpoints
from yolo.engine.callbacks.results_csv import ResultsCsv
from yolo.engine.callbacks.upload_run import Upload
from yolo.engine.ema import ModelEma
from yolo.engine.lr_policies import constant
from yolo.engine.multi_scale import MultiScale
from yolo.engine.optimizer import ParamSchedule, build_optimizer
from yolo.engine.precision import Precision
from yolo.engine.protocols import ComputeLoss
from yolo.engine.schedule import Schedule
from yolo.engine.trainer import Trainer
from yolo.errors import TrainingError


class Batches:
    """Loader of batches of the given sizes, identical in each epoch."""

    def __init__(self, *sizes: int) -> None:
        self.sizes = sizes
        self.epochs: list[int] = []
        self.first = 0
        self.records: list[dict[str, float]] = []

    def __len__(self) -> int:
        return len(self.sizes)

    def __iter__(self) -> Iterator[Tensor]:
        generator = torch.Generator().manual_seed(0)
        batches = [torch.rand(size, 3, generator=generator) for size in self.sizes]
        return iter(batches[self.first :])

    def set_epoch(self, epoch: int, record: Mapping[str, float]) -> None:
        self.epochs.append(epoch)
        self.records.append(dict(record))

    def skip(self, batches: int) -> None:
        self.first = batches


def compute_loss(model: nn.Module, batch: Tensor, images_seen: int = 0, epoch: float = 0.0) -> dict[str, Tensor]:
    out = model(batch)
    return {"square": (out - 1).square().mean(), "size": 0.01 * out.square().mean()}


def trainer(
    sizes: tuple[int, ...], *, epochs: int = 1, accumulate: int = 1, callbacks: tuple[Callback, ...] = ()
) -> Trainer:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 1))
    return Trainer(
        model=model,
        compute_loss=compute_loss,
        loader=Batches(*sizes),
        optimizer=build_optimizer(model, "sgd", lr=0.1, momentum=0.9, weight_decay=0.01),
        schedule=Schedule(
            epochs=epochs,
            policy=constant,
            burn_in=0,
            lr=0.1,
            momentum=0.9,
            weight_decay=0.01,
            accumulate=accumulate,
        ),
        precision=Precision("fp32", torch.device("cpu")),
        ema=ModelEma(model),
        callbacks=callbacks,
    )


def weights(run: Trainer) -> Tensor:
    return torch.cat([parameter.detach().flatten() for parameter in run.model.parameters()])


def test_training_reduces_the_loss_and_counts_progress() -> None:
    run = trainer((8,) * 10, epochs=3)
    run.train()
    assert run.record["train/square"] < 0.02
    assert (run.state.epoch, run.state.step, run.state.images_seen) == (3, 30, 240)
    loader = run.loader
    assert isinstance(loader, Batches)
    assert loader.epochs == [0, 1, 2]  # set_epoch gets the record of the previous epoch
    assert loader.records[0] == {}
    assert loader.records[2]["train/square"] < loader.records[1]["train/square"]


@pytest.mark.parametrize(("accumulate", "steps"), [(1, 5), (2, 3), (5, 1), (9, 1)])
def test_an_incomplete_accumulation_at_the_end_of_an_epoch_is_a_step(accumulate: int, steps: int) -> None:
    run = trainer((4,) * 5, accumulate=accumulate)
    run.train()
    assert run.state.step == steps


def test_accumulated_micro_batches_equal_one_batch() -> None:
    class SplitBatch(Batches):
        def __iter__(self) -> Iterator[Tensor]:
            whole = torch.rand(8, 3, generator=torch.Generator().manual_seed(3))
            return iter(torch.split(whole, list(self.sizes)))

    whole, parts = trainer((8,)), trainer((5, 2, 1), accumulate=3)
    whole.loader, parts.loader = SplitBatch(8), SplitBatch(5, 2, 1)
    whole.train()
    parts.train()
    assert parts.state.step == whole.state.step == 1
    torch.testing.assert_close(weights(parts), weights(whole))


def test_all_micro_batches_of_a_step_have_one_size() -> None:
    @dataclass
    class Image:
        numbers: Tensor
        size: int = 0

        def __len__(self) -> int:
            return len(self.numbers)

        def resized(self, size: int, stride: int) -> Image:
            assert stride == 4
            return Image(self.numbers, size)

    class Images(Batches):
        def __iter__(self) -> Iterator[Any]:
            return (Image(numbers) for numbers in super().__iter__())

    seen = []

    def recorded_loss(model: nn.Module, batch: Image, images_seen: int, epoch: float) -> dict[str, Tensor]:
        seen.append(batch.size)
        return compute_loss(model, batch.numbers)

    run = trainer((2,) * 6, accumulate=2)
    run.loader, run.compute_loss = Images(*(2,) * 6), recorded_loss
    run.sizes = MultiScale(smallest=4, largest=400, stride=4, seed=0, every=1)
    run.train()
    expected = [run.sizes.at(step) for step in range(3)]
    assert len(set(expected)) == 3
    assert seen == [expected[0]] * 2 + [expected[1]] * 2 + [expected[2]] * 2
    assert run.size == expected[2]


def test_hooks_are_called_in_order_and_on_train_end_even_after_an_error() -> None:
    seen = []

    class Recorder(Callback):
        def on_train_start(self, trainer: Trainer) -> None:
            seen.append("start")

        def on_epoch_start(self, trainer: Trainer) -> None:
            seen.append(f"epoch {trainer.state.epoch}")

        def on_step_end(self, trainer: Trainer) -> None:
            seen.append(f"step {trainer.state.step}")
            if trainer.state.step == 3:
                raise KeyboardInterrupt

        def on_epoch_end(self, trainer: Trainer, record: Mapping[str, float]) -> None:
            seen.append("epoch end")

        def on_train_end(self, trainer: Trainer) -> None:
            seen.append("end")

    with pytest.raises(KeyboardInterrupt):
        trainer((2, 2), epochs=2, callbacks=(Recorder(),)).train()
    assert seen == ["start", "epoch 0", "step 1", "step 2", "epoch end", "epoch 1", "step 3", "end"]


@pytest.mark.parametrize(
    ("scores", "kept"), [([math.nan] * 3, [3]), ([0.5, math.nan, math.nan], [1]), ([math.nan, 0.0, math.nan], [2])]
)
@pytest.mark.parametrize("only_at_end", [False, True])
def test_without_a_score_the_last_epoch_is_the_best(
    scores: list[float], kept: list[int], only_at_end: bool, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    best = []
    checkpoints = Checkpoints(
        tmp_path,
        description={},
        fitness=lambda record: record["metrics/score"],
        save_best=lambda model, state, record: best.append(state.epoch),
        only_at_end=only_at_end,
    )
    run = trainer((4, 4), epochs=3, callbacks=(checkpoints,))
    values = iter(scores)
    run.validate = lambda model: {"metrics/score": next(values)}
    run.train()
    assert best == kept
    assert ("no epoch has a finite score: the last one is kept as the best" in caplog.text) == (kept == [3])


def test_checkpoints_and_results_csv_of_a_run(tmp_path: Path) -> None:
    scores = iter([0.5, 0.9, 0.7])
    best = []
    callbacks = (
        Checkpoints(
            tmp_path,
            description={"names": ["a"]},
            fitness=lambda record: record["metrics/score"],
            save_best=lambda model, state, record: best.append(state.epoch),
            period=2,
        ),
        ResultsCsv(tmp_path / "results.csv"),
    )
    run = trainer((4, 4), epochs=3, callbacks=callbacks)
    run.validate = lambda model: {"val/square": 0.25, "metrics/score": next(scores)}
    run.train()
    assert best == [1, 2]
    header, *rows = (tmp_path / "results.csv").read_text().splitlines()
    assert header == "epoch,step,train/square,train/size,val/square,metrics/score,grad_norm,lr/biases,lr/weights"
    assert [(row.split(",")[0], *row.split(",")[4:6]) for row in rows] == [
        ("1", "0.25", "0.5"),
        ("2", "0.25", "0.9"),
        ("3", "0.25", "0.7"),
    ]
    assert sorted(path.name for path in tmp_path.glob("*.pt")) == ["epoch2.pt", "last.pt"]
    last = load_checkpoint(tmp_path / "last.pt")
    assert last["names"] == ["a"]
    assert last["callback Checkpoints"] == {"best": 0.9}
    assert last["state"] == {
        "epoch": 3,
        "batches": 0,
        "step": 6,
        "images_seen": 24,
        "skipped_steps": 0,
        "skipped_in_a_row": 0,
        "epoch_steps": 0,
        "grad_norm_sum": 0.0,
    }
    assert torch.equal(last["model"]["0.weight"], run.model.state_dict()["0.weight"])
    assert last["ema"]["updates"] == 6
    assert last["record"] == run.record
    assert last["record"]["metrics/score"] == 0.7


def non_finite_in(bad: set[int]) -> ComputeLoss:
    """Return the loss function, infinite in the calls whose numbers are given."""
    calls = itertools.count()

    def compute(model: nn.Module, batch: Tensor, images_seen: int, epoch: float) -> dict[str, Tensor]:
        factor = math.inf if next(calls) in bad else 1.0
        return {name: term * factor for name, term in compute_loss(model, batch).items()}

    return compute


def test_a_step_without_finite_gradients_is_skipped(caplog: pytest.LogCaptureFixture) -> None:
    run, same = trainer((4,) * 3), trainer((4,) * 2)
    run.compute_loss = non_finite_in({2})
    run.train()
    same.train()  # the schedule is constant, so both take the same steps
    assert (run.state.step, run.state.skipped_steps, run.ema.updates) == (2, 1, 2)
    assert torch.equal(weights(run), weights(same))
    text = "epoch 1, batch 3: the loss is not finite for 4 images; the step is skipped (1 so far)"
    assert text in caplog.text


def test_a_skipped_step_names_the_non_finite_micro_batches(caplog: pytest.LogCaptureFixture) -> None:
    run = trainer((4, 3, 2, 1), accumulate=4)
    run.compute_loss = non_finite_in({1, 3})
    run.describe = lambda batch: f"batch of {len(batch)}"
    run.train()
    assert "the loss is not finite for batch of 3, batch of 1; the step" in caplog.text


def test_non_finite_gradients_of_finite_losses_name_all_micro_batches(caplog: pytest.LogCaptureFixture) -> None:
    run = trainer((2, 1), accumulate=2)
    run.compute_loss = lambda model, batch, images_seen, epoch: {
        "root": (model(batch) * 0).abs().sum().sqrt()
    }  # the value is 0, its derivative infinite
    run.train()
    assert "the gradients are not finite for 2 images, 1 images; the step" in caplog.text


def test_grad_norm_is_the_mean_over_the_steps_of_an_epoch() -> None:
    norms = []

    class NormRecorder(torch.optim.SGD):
        def step(self, closure: Any = None) -> Any:
            gradients = [p.grad for group in self.param_groups for p in group["params"]]
            norms.append(float(torch.cat([g.flatten() for g in gradients if g is not None]).norm()))
            return super().step(closure)

    run = trainer((4,) * 3, epochs=2)
    run.optimizer = NormRecorder([{**group, "params": group["params"]} for group in run.optimizer.param_groups], lr=0.1)
    run.compute_loss = non_finite_in({4})
    run.train()
    assert len(norms) == 5
    assert run.record["grad_norm"] == pytest.approx(sum(norms[3:]) / 2)


def test_too_many_skipped_steps_end_the_run_with_a_remedy() -> None:
    run = trainer((4,) * 30)
    run.compute_loss = non_finite_in({*range(9), *range(10, 30)})  # the tenth batch is finite
    with pytest.raises(TrainingError, match=r"epoch 1, batch 20: .* 10 such steps in a row; lower --lr0 \(now 0.1\)"):
        run.train()
    assert run.state.step == 1
    assert weights(run).isfinite().all()


def test_running_statistics_are_restored_after_a_skipped_step() -> None:
    run = trainer((4, 4, 4))
    run.model = nn.Sequential(nn.BatchNorm1d(3), nn.Linear(3, 1))
    run.ema = ModelEma(run.model)
    run.optimizer = build_optimizer(run.model, "sgd", lr=0.1, momentum=0.9, weight_decay=0.0)
    good = list(run.loader)
    run._step([good[0]])
    run._step([good[1] * math.inf])
    assert run.state.skipped_steps == 1
    assert all(buffer.isfinite().all() for buffer in run.model.buffers())
    run._step([good[2]])
    assert all(value.isfinite().all() for value in run.ema.model.state_dict().values())


def test_clipping_bounds_the_weight_change() -> None:
    run = trainer((4,))
    run.clip_grad_norm = 1e-3
    before = weights(run)
    run.train()
    change = (weights(run) - before).norm()
    assert 0 < change <= 0.1 * 1.9 * (1e-3 + 0.01 * before.norm())  # lr, Nesterov, gradient and decay


def test_parameters_with_a_later_start_are_unchanged_until_then() -> None:
    run = trainer((4, 4), epochs=2)
    first = run.model.get_parameter("0.weight")
    run.optimizer = build_optimizer(
        run.model, "sgd", lr=0.1, momentum=0.9, weight_decay=0.01, schedules={first: ParamSchedule(start=1.0)}
    )
    start, seen = first.detach().clone(), []

    class Recorder(Callback):
        def on_step_end(self, trainer: Trainer) -> None:
            seen.append(torch.equal(first, start))

    run.callbacks = (Recorder(),)
    run.train()
    assert seen == [True, True, False, False]


@pytest.mark.parametrize("stop", [None, 3])
def test_only_at_end_writes_files_once(tmp_path: Path, stop: int | None) -> None:
    scores = iter([0.5, 0.9, 0.7])
    written: list[tuple[int, float, float]] = []
    weights: list[float] = []

    class Recorder(Callback):
        def on_step_end(self, trainer: Trainer) -> None:
            assert not list(tmp_path.iterdir())
            if trainer.state.step == stop:
                trainer.stop("test")

        def on_epoch_end(self, trainer: Trainer, record: Mapping[str, float]) -> None:
            weights.append(float(trainer.ema.model.state_dict()["0.weight"].sum()))

    checkpoints = Checkpoints(
        tmp_path,
        description={},
        fitness=lambda record: record["metrics/score"],
        save_best=lambda model, state, record: written.append(
            (state.epoch, record["metrics/score"], float(model.state_dict()["0.weight"].sum()))
        ),
        interval_s=0,
        only_at_end=True,
    )
    run = trainer((4, 4), epochs=3, callbacks=(Recorder(), checkpoints))
    run.validate = lambda model: {"metrics/score": next(scores)}
    run.train()
    best = 1 if stop is None else 0
    assert written == [(best + 1, [0.5, 0.9][best], weights[best])]
    assert load_checkpoint(tmp_path / "last.pt")["state"]["step"] == (6 if stop is None else stop)


def test_validation_only_after_the_last_epoch() -> None:
    scored: list[int] = []

    def evaluate(model: nn.Module) -> dict[str, float]:
        scored.append(run.state.epoch)
        return {"metrics/score": 1.0}

    run = trainer((2, 2), epochs=3)
    run.validate, run.validates_every_epoch = evaluate, False
    run.train()
    assert scored == [3]
    assert run.record["metrics/score"] == 1.0


def test_uploads_mirror_the_folder_of_the_run(tmp_path: Path) -> None:
    run_folder, targets = tmp_path / "run", [str(tmp_path / place / "run") for place in ("far", "farther")]
    run_folder.mkdir()
    (run_folder / "settings.yaml").write_text("epochs: 2")
    seen: list[bool] = []

    class Recorder(Callback):
        def on_train_start(self, trainer: Trainer) -> None:
            seen.append((tmp_path / "farther" / "run" / "settings.yaml").is_file())

        def on_step_end(self, trainer: Trainer) -> None:
            if trainer.state.step == 1:
                (run_folder / "last.pt").write_text("within an epoch")

    bucket = Upload(run_folder, targets)
    run = trainer((2, 2), epochs=2, callbacks=(ResultsCsv(run_folder / "results.csv"), bucket, Recorder()))
    run.train()
    assert seen == [True]
    (run_folder / "results.png").write_text("written after training")
    bucket.finish()
    assert bucket.complete == targets
    files = {path.name: path.read_bytes() for path in run_folder.iterdir()}
    assert set(files) == {"settings.yaml", "last.pt", "results.csv", "results.png"}
    for target in targets:
        assert {path.name: path.read_bytes() for path in Path(target).iterdir()} == files
    assert "callback Upload" not in run.state_dict()  # a run can be resumed with another bucket, or none


def test_a_stopped_run_ends_after_its_last_upload(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()

    class Stop(Callback):
        def on_step_end(self, trainer: Trainer) -> None:
            trainer.stop("enough")

        def on_train_end(self, trainer: Trainer) -> None:
            (tmp_path / "run" / "last.pt").write_text("the end")

    trainer((2, 2), epochs=2, callbacks=(Stop(), Upload(tmp_path / "run", [str(tmp_path / "far")]))).train()
    assert (tmp_path / "far" / "last.pt").read_text() == "the end"


@pytest.mark.parametrize(("final", "step", "interrupted"), [(False, 2, True), (True, 2, False), (False, 4, False)])
def test_a_run_stopped_between_epochs_is_interrupted_unless_the_stop_is_final(
    final: bool, step: int, interrupted: bool
) -> None:
    class Stop(Callback):
        def on_epoch_end(self, trainer: Trainer, record: Mapping[str, float]) -> None:
            if trainer.state.step == step:
                trainer.stop("SIGTERM", final=final)

    run = trainer((2, 2), epochs=2, callbacks=(Stop(),))
    run.train()
    assert run.state.step == step
    assert run.is_interrupted is interrupted

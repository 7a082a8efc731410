from __future__ import annotations

import math
from pathlib import Path
from typing import cast

import pytest
import yaml

from yolo.config.recipe import with_values
from yolo.config.train_settings import TrainSettings
from yolo.engine.train_state import TrainState
from yolo.engine.trainer import Trainer
from yolo.errors import SettingsError
from yolo.tuning import evolve as evolve_module
from yolo.tuning.evolve import FitnessTracker, evolve, reserve_generation, search_folder, write_results
from yolo.tuning.search_log import Generation, append_generation
from yolo.tuning.search_samplers import MutationSampler, Sampler
from yolo.tuning.search_space import initial_values, search_params


def settings(project: Path, **changes: object) -> TrainSettings:
    return with_values(TrainSettings(), {"data": "x", "project": str(project), "evolve": 3, **changes})


def test_a_search_goes_on_with_its_own_settings_alone(tmp_path: Path) -> None:
    folder = search_folder(settings(tmp_path))
    assert folder == tmp_path / "evolve" / "train"
    assert search_folder(settings(tmp_path, device="cpu", workers=0, evolve=9)) == folder
    with pytest.raises(SettingsError, match=r"--batch-size 4: the search in .* has 16; use that, or another --name"):
        search_folder(settings(tmp_path, batch_size=4))
    assert search_folder(settings(tmp_path, batch_size=4, name="other")) == tmp_path / "evolve" / "other"


def test_each_number_is_given_once(tmp_path: Path) -> None:
    assert [reserve_generation(tmp_path) for _ in range(3)] == [1, 2, 3]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["0001", "0002", "0003"]


class FakeTrainer:
    """What the tracker sees of a trainer."""

    def __init__(self, scores: list[float]) -> None:
        self.epochs = len(scores)
        self.scores = scores
        self.state = TrainState()
        self.stop_reason = ""

    def stop(self, reason: str, *, final: bool) -> None:
        assert final  # a generation that is cut short is not to be taken up again
        self.stop_reason = reason

    def train(self, tracker: FitnessTracker) -> None:
        for score in self.scores:
            self.state.epoch += 1
            names = ("metrics/mAP50", "metrics/mAP50-95")
            record = {} if math.isnan(score) else dict.fromkeys(names, score)
            tracker.on_epoch_end(cast(Trainer, self), record)
            if self.stop_reason:
                return


class Impatient(MutationSampler):
    """Prune when an epoch is below 0.3."""

    def should_prune(self, epoch: int, fitness: float) -> bool:
        return fitness < 0.3


@pytest.mark.parametrize(
    ("scores", "epochs", "best"),
    [
        ([0.4, 0.6, 0.5], 3, 0.6),
        ([0.4, 0.2, 0.9], 2, 0.4),
        ([0.4, 0.5, 0.1], 3, 0.5),  # the last epoch is never cut short: it is over
    ],
)
def test_a_generation_is_worth_its_best_epoch(tmp_path: Path, scores: list[float], epochs: int, best: float) -> None:
    tracker = FitnessTracker(Impatient((), {}, tmp_path, 0))
    run = FakeTrainer(scores)
    run.train(tracker)
    assert (run.state.epoch, tracker.best) == (epochs, best)


def test_epochs_without_a_score_are_worth_nothing(tmp_path: Path) -> None:
    tracker = FitnessTracker(MutationSampler((), {}, tmp_path, 0))
    FakeTrainer([math.nan, math.nan]).train(tracker)
    assert tracker.best == -math.inf


def test_a_search_keeps_the_weights_of_its_best(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scores = iter([0.2, 0.5, 0.3])
    chosen = settings(tmp_path)

    def train(own: TrainSettings, folder: Path, number: int, values: dict[str, float], _: Sampler) -> Generation:
        run = f"{number:04d}"
        for name in ("best.pt", "best.weights", "last.pt", "results.csv"):
            (folder / run / name).touch()
        return Generation(run=run, outcome="done", fitness=next(scores), epochs=1, seed=number, values=values)

    monkeypatch.setattr(evolve_module, "train_generation", train)
    evolve(chosen)
    folder = tmp_path / "evolve" / "train"
    kept = {path.relative_to(folder).as_posix() for path in folder.rglob("*.*") if path.parent != folder}
    assert kept == {"0001/results.csv", "0002/results.csv", "0003/results.csv", "0002/best.pt", "0002/best.weights"}
    text = (folder / "hyp_evolved.yaml").read_text()
    assert text.startswith("# fitness 0.5000: generation 0002, the best of 3\n")
    best = yaml.safe_load(text)
    assert set(best) == {param.name for param in search_params(chosen)}
    assert best != initial_values(chosen, search_params(chosen))
    assert (folder / "evolve.png").stat().st_size > 10_000


def test_a_bucket_gets_the_search(tmp_path: Path) -> None:
    params = search_params(settings(tmp_path))[:3]
    values = initial_values(settings(tmp_path), params)
    line = Generation(run="0001", outcome="done", fitness=0.1, epochs=1, seed=0, values=values)
    append_generation(tmp_path / "search" / "evolve.csv", line)
    write_results(tmp_path / "search", params, str(tmp_path / "far"))
    names = sorted(path.name for path in (tmp_path / "far" / "search").iterdir())
    assert names == ["evolve.csv", "evolve.png", "hyp_evolved.yaml"]


def test_optuna_that_is_not_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("yolo.tuning.optuna_sampler.find_spec", lambda name: None)
    with pytest.raises(SettingsError, match=r"--sampler optuna: the optuna package is not installed; run: pip install"):
        evolve(settings(tmp_path, evolve=1, sampler="optuna"))
    assert list(tmp_path.iterdir()) == []

from __future__ import annotations

import math
from pathlib import Path

import pytest
import yaml

from yolo.config.recipe import with_values
from yolo.config.train_settings import TrainSettings
from yolo.engine.early_stop import EarlyStop
from yolo.errors import SettingsError
from yolo.tuning import evolve as evolve_module
from yolo.tuning.evolve import (
    PRUNED_REASON,
    GenerationEarlyStop,
    evolve,
    reserve_generation,
    search_folder,
    write_results,
)
from yolo.tuning.search_log import Generation, append_generation
from yolo.tuning.search_samplers import MutationSampler, Sampler
from yolo.tuning.search_space import initial_values, search_params


def settings(project: Path, **changes: object) -> TrainSettings:
    return with_values(TrainSettings(), {"data": "x", "project": str(project), "evolve": 3, **changes})


def test_a_search_continues_only_with_its_own_settings(tmp_path: Path) -> None:
    folder = search_folder(settings(tmp_path))
    assert folder == tmp_path / "evolve" / "train"
    assert search_folder(settings(tmp_path, device="cpu", workers=0, evolve=9)) == folder
    with pytest.raises(SettingsError, match=r"--batch-size 4: the search in .* has 16; use that, or another --name"):
        search_folder(settings(tmp_path, batch_size=4))
    assert search_folder(settings(tmp_path, batch_size=4, name="other")) == tmp_path / "evolve" / "other"


def test_each_generation_number_is_reserved_once(tmp_path: Path) -> None:
    assert [reserve_generation(tmp_path) for _ in range(3)] == [1, 2, 3]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["0001", "0002", "0003"]


def train_epochs(early_stop: GenerationEarlyStop, scores: list[float]) -> tuple[int, str]:
    """Call it as the trainer does, and return the number of epochs trained and the reason to stop."""
    assert early_stop.reason_to_stop(0) == ""
    for epoch, score in enumerate(scores, start=1):
        names = ("metrics/mAP50", "metrics/mAP50-95")
        early_stop.update({} if math.isnan(score) else dict.fromkeys(names, score), epoch)
        if reason := early_stop.reason_to_stop(epoch):
            return epoch, reason
    return len(scores), ""


class Impatient(MutationSampler):
    """Prune when an epoch is below 0.3."""

    def should_prune(self, epoch: int, fitness: float) -> bool:
        return fitness < 0.3


@pytest.mark.parametrize(
    ("scores", "epochs", "reason", "best"),
    [
        ([0.4, 0.6, 0.5], 3, "", 0.6),
        ([0.4, 0.2, 0.9], 2, PRUNED_REASON, 0.4),
        ([0.4, 0.5, 0.1], 3, "", 0.5),  # the last epoch is over: nothing to prune
    ],
)
def test_fitness_is_that_of_the_best_epoch_until_pruned(
    tmp_path: Path, scores: list[float], epochs: int, reason: str, best: float
) -> None:
    early_stop = GenerationEarlyStop(Impatient((), {}, tmp_path, 0), len(scores), None)
    assert train_epochs(early_stop, scores) == (epochs, reason)
    assert early_stop.best == best
    assert early_stop.state_dict() == {}


def test_epochs_without_a_score_have_no_fitness(tmp_path: Path) -> None:
    early_stop = GenerationEarlyStop(MutationSampler((), {}, tmp_path, 0), 2, None)
    assert train_epochs(early_stop, [math.nan, math.nan]) == (2, "")
    assert early_stop.best == -math.inf


def test_the_early_stop_of_the_run_comes_before_pruning(tmp_path: Path) -> None:
    own = EarlyStop(lambda record: record["metrics/mAP50"], patience=1)
    early_stop = GenerationEarlyStop(Impatient((), {}, tmp_path, 0), 9, own)
    assert train_epochs(early_stop, [0.4, 0.2]) == (2, "no epoch was better than epoch 1 for 1 epochs")
    assert early_stop.state_dict() == own.state_dict() == {"best": 0.4, "best_epoch": 1}
    own.best_epoch = 7
    early_stop.load_state_dict({"best": 0.4, "best_epoch": 1})
    assert own.best_epoch == 1


def test_a_search_keeps_only_the_weights_of_its_best_generation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
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


def test_a_search_is_uploaded_to_its_bucket(tmp_path: Path) -> None:
    params = search_params(settings(tmp_path))[:3]
    values = initial_values(settings(tmp_path), params)
    line = Generation(run="0001", outcome="done", fitness=0.1, epochs=1, seed=0, values=values)
    append_generation(tmp_path / "search" / "evolve.csv", line)
    write_results(tmp_path / "search", params, str(tmp_path / "bucket"))
    names = sorted(path.name for path in (tmp_path / "bucket" / "search").iterdir())
    assert names == ["evolve.csv", "evolve.png", "hyp_evolved.yaml"]


def test_a_missing_optuna_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("yolo.tuning.optuna_sampler.find_spec", lambda name: None)
    with pytest.raises(SettingsError, match=r"--sampler optuna: the optuna package is not installed; run: pip install"):
        evolve(settings(tmp_path, evolve=1, sampler="optuna"))
    assert list(tmp_path.iterdir()) == []

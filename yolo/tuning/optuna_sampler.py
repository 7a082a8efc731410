"""Sampler that uses optuna: a tree-structured Parzen estimator with median pruning."""

from __future__ import annotations

import math
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from yolo.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from yolo.tuning.search_log import Outcome
    from yolo.tuning.search_space import SearchParam

STUDY_FILE = "optuna.log"
STUDY_NAME = "evolve"
NUM_STARTUP_TRIALS = 10  # random generations before the estimator starts


def require_optuna() -> None:
    """Raise a `SettingsError` unless optuna is installed."""
    if find_spec("optuna") is None:
        raise SettingsError("--sampler optuna: the optuna package is not installed; run: pip install optuna")


class OptunaSampler:
    """Propose values from a study that several processes share in a file of the search's folder.

    Args:
        params: the hyper-parameters to vary.
        start: their initial values, clipped to bounds.
        folder: the folder of the search.
        seed: of the estimator; each trial adds its number to it.
        num_warmup_epochs: number of epochs before a trial may be pruned.
    """

    def __init__(
        self,
        params: Sequence[SearchParam],
        start: Mapping[str, float],
        folder: Path,
        seed: int,
        num_warmup_epochs: int,
    ) -> None:
        import optuna
        from optuna.storages.journal import JournalFileBackend

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self.params = params
        self.start = start
        self.seed = seed
        self.study = optuna.create_study(
            storage=optuna.storages.JournalStorage(JournalFileBackend(str(folder / STUDY_FILE))),
            pruner=optuna.pruners.MedianPruner(
                n_startup_trials=NUM_STARTUP_TRIALS // 2, n_warmup_steps=num_warmup_epochs
            ),
            study_name=STUDY_NAME,
            direction="maximize",
            load_if_exists=True,
        )
        self.trial: Any = None

    def propose(self, number: int) -> Mapping[str, float]:
        from optuna.samplers import TPESampler

        self.study.sampler = TPESampler(n_startup_trials=NUM_STARTUP_TRIALS, seed=self.seed + number)
        if number == 1:
            start = {param.name: param.clip(self.start[param.name]) for param in self.params}
            self.study.enqueue_trial(start)
        self.trial = self.study.ask()
        return {
            param.name: self.trial.suggest_float(param.name, param.low, param.high, log=param.log_scale)
            for param in self.params
        }

    def should_prune(self, epoch: int, fitness: float) -> bool:
        if not math.isfinite(fitness):  # the epoch was not validated
            return False
        self.trial.report(fitness, epoch)
        return bool(self.trial.should_prune())

    def record_result(self, fitness: float, outcome: Outcome) -> None:
        from optuna.trial import TrialState

        states = {"done": TrialState.COMPLETE, "pruned": TrialState.PRUNED, "failed": TrialState.COMPLETE}
        self.study.tell(self.trial, None if outcome == "pruned" else fitness, state=states[outcome])

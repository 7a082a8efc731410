"""Generations from optuna: a tree-structured Parzen estimator, and runs cut short that lie below the median."""

from __future__ import annotations

import math
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from yolo.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from yolo.tuning.search_log import Outcome
    from yolo.tuning.space import Gene

STUDY_FILE = "optuna.log"
STUDY_NAME = "evolve"
NUM_RANDOM = 10  # generations before the estimator and the pruner have something to go by


def require_optuna() -> None:
    """Raise a `SettingsError` unless optuna is installed."""
    if find_spec("optuna") is None:
        raise SettingsError("--sampler optuna: the optuna package is not installed; run: pip install optuna")


class OptunaSampler:
    """The study lies in a file of the search's folder, which several processes share.

    Args:
        genes: what varies.
        start: its values to begin with, moved into bounds.
        folder: of the search.
        seed: of the estimator; each generation's number gives another one.
        warm_up: the first epoch after which a generation may be given up.
    """

    def __init__(
        self, genes: Sequence[Gene], start: Mapping[str, float], folder: Path, seed: int, warm_up: int
    ) -> None:
        import optuna
        from optuna.storages.journal import JournalFileBackend

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self.genes = genes
        self.start = start
        self.seed = seed
        self.study = optuna.create_study(
            storage=optuna.storages.JournalStorage(JournalFileBackend(str(folder / STUDY_FILE))),
            pruner=optuna.pruners.MedianPruner(n_startup_trials=NUM_RANDOM // 2, n_warmup_steps=warm_up),
            study_name=STUDY_NAME,
            direction="maximize",
            load_if_exists=True,
        )
        self.trial: Any = None

    def propose(self, number: int) -> Mapping[str, float]:
        from optuna.samplers import TPESampler

        self.study.sampler = TPESampler(n_startup_trials=NUM_RANDOM, seed=self.seed + number)
        if number == 1:
            start = {gene.name: gene.clipped(self.start[gene.name]) for gene in self.genes}
            self.study.enqueue_trial(start)
        self.trial = self.study.ask()
        return {
            gene.name: self.trial.suggest_float(gene.name, gene.low, gene.high, log=gene.logarithmic)
            for gene in self.genes
        }

    def is_hopeless(self, epoch: int, fitness: float) -> bool:
        if not math.isfinite(fitness):  # the epoch was not scored
            return False
        self.trial.report(fitness, epoch)
        return bool(self.trial.should_prune())

    def close(self, fitness: float, outcome: Outcome) -> None:
        from optuna.trial import TrialState

        states = {"done": TrialState.COMPLETE, "pruned": TrialState.PRUNED, "failed": TrialState.COMPLETE}
        self.study.tell(self.trial, None if outcome == "pruned" else fitness, state=states[outcome])

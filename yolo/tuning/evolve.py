"""Hyper-parameter search of `python -m yolo.train --evolve N`: train runs with varied values, one after another."""

from __future__ import annotations

import dataclasses
import gc
import logging
import math
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
import yaml

from yolo.config.recipe import flatten_settings, with_recipe, with_values, write_settings
from yolo.errors import SettingsError, StorageError, TrainingError
from yolo.remote.upload import Uploader
from yolo.storage import atomic_folder, atomic_path
from yolo.training.build_training import build_training
from yolo.training.run_folder import SETTINGS_FILE
from yolo.training.validation import fitness
from yolo.tuning.optuna_sampler import OptunaSampler, require_optuna
from yolo.tuning.search_log import Generation, append_generation, best_generation, read_generations
from yolo.tuning.search_plot import plot_generations
from yolo.tuning.search_samplers import MutationSampler
from yolo.tuning.search_space import initial_values, search_params
from yolo.urls import join_url

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from yolo.config.train_settings import TrainSettings
    from yolo.engine.protocols import RunEarlyStop
    from yolo.tuning.search_log import Outcome
    from yolo.tuning.search_samplers import Sampler
    from yolo.tuning.search_space import SearchParam

logger = logging.getLogger(__name__)

LOG_FILE = "evolve.csv"
BEST_FILE = "hyp_evolved.yaml"
PROCESS_SETTINGS = {"evolve", "device", "workers", "bucket", "offline"}  # may differ between processes of a search
PRUNED_REASON = "below the median of the search"


@dataclass(eq=False)
class GenerationEarlyStop:
    """Ends a generation when its run no longer improves or when the sampler prunes it.

    Args:
        sampler: decides after each epoch, except the last, whether to prune.
        epochs: number of epochs of the run.
        early_stop: the run's own early stop, whose reason comes first; None: it has none.

    Attributes:
        best: the best fitness of an epoch so far.
    """

    sampler: Sampler
    epochs: int
    early_stop: RunEarlyStop | None
    best: float = field(default=-math.inf, init=False)
    _is_pruned: bool = field(default=False, init=False)

    def update(self, record: Mapping[str, float], epoch: int) -> None:
        """Record the fitness of an epoch, and ask the sampler whether to prune."""
        if self.early_stop is not None:
            self.early_stop.update(record, epoch)
        value = fitness(record)
        self.best = max(self.best, value)
        self._is_pruned = epoch < self.epochs and self.sampler.should_prune(epoch, value)

    def reason_to_stop(self, epoch: int) -> str:
        own = "" if self.early_stop is None else self.early_stop.reason_to_stop(epoch)
        return own or (PRUNED_REASON if self._is_pruned else "")

    def state_dict(self) -> dict[str, Any]:
        """Return the state of the run's own early stop: a generation is resumed only as a run of its own."""
        return {} if self.early_stop is None else self.early_stop.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        if self.early_stop is not None:
            self.early_stop.load_state_dict(state)


def evolve(settings: TrainSettings) -> None:
    """Start or continue a search.

    Raises:
        SettingsError: the folder holds a search with other settings, or a package is missing.
    """
    if settings.search.sampler == "optuna":
        require_optuna()
    folder = search_folder(settings)
    params = search_params(settings)
    start = initial_values(settings, params)
    if settings.search.sampler == "optuna":
        sampler: Sampler = OptunaSampler(params, start, folder, settings.seed, max(2, settings.epochs // 4))
    else:
        sampler = MutationSampler(params, start, folder / LOG_FILE, settings.seed)
    for index in range(settings.search.evolve):
        number = reserve_generation(folder)
        logger.info("%s: generation %d, %d of %d here", folder, number, index + 1, settings.search.evolve)
        values = sampler.propose(number)
        generation = train_generation(settings, folder, number, values, sampler)
        if generation is None:
            logger.info("stopped; run the same command to continue the search")
            return
        sampler.record_result(generation.fitness, generation.outcome)
        append_generation(folder / LOG_FILE, generation)
        write_results(folder, params, settings.saving.bucket)


def search_folder(settings: TrainSettings) -> Path:
    """Return the folder of a search, PROJECT/evolve/NAME; create it with its settings if needed.

    Raises:
        SettingsError: the folder has the settings of another search.
    """
    folder = Path(settings.run.project) / "evolve" / settings.run.name
    if not folder.exists():
        try:
            with atomic_folder(folder) as temporary:
                write_settings(settings, temporary / SETTINGS_FILE)
        except (OSError, StorageError) as error:
            if not folder.exists():  # else another process began the search just now
                raise SettingsError(f"--project {settings.run.project}: cannot make {folder}: {error}") from error
    before, now = flatten_settings(with_recipe(settings, str(folder / SETTINGS_FILE))), flatten_settings(settings)
    for name in (name for name in now if name not in PROCESS_SETTINGS and before[name] != now[name]):
        flag, others = f"--{name.replace('_', '-')} {now[name]}", before[name]
        raise SettingsError(f"{flag}: the search in {folder} has {others}; use that, or another --name")
    return folder


def reserve_generation(folder: Path) -> int:
    """Reserve the next generation number, from 1, for this process by creating its folder."""
    for number in count(1):
        try:
            (folder / run_name(number)).mkdir()
        except FileExistsError:
            continue
        return number
    raise AssertionError


def run_name(number: int) -> str:
    """Return the folder name of a generation."""
    return f"{number:04d}"


def train_generation(
    settings: TrainSettings, folder: Path, number: int, values: Mapping[str, float], sampler: Sampler
) -> Generation | None:
    """Train one generation; return None if it was interrupted."""
    own = with_values(settings, values)
    seed = (settings.seed + number - 1) % 2**32  # so that the search does not adapt to one seed
    saving = dataclasses.replace(own.saving, nosave=True, save_period=0, bucket="")
    search = dataclasses.replace(own.search, evolve=0)
    run = dataclasses.replace(own.run, project=str(folder), name=run_name(number))
    own = dataclasses.replace(own, run=run, seed=seed, saving=saving, search=search)
    training = build_training(own)
    trainer = training.trainer
    early_stop = GenerationEarlyStop(sampler, trainer.epochs, trainer.early_stop)
    trainer.early_stop = early_stop
    outcome: Outcome = "done"
    try:
        trainer.train()
    except TrainingError as error:
        logger.warning("%s: %s", training.folder, error)
        outcome = "failed"
    if trainer.is_interrupted and outcome == "done":
        return None
    if trainer.stop_reason == PRUNED_REASON:
        outcome = "pruned"
    best = 0.0 if outcome == "failed" or not math.isfinite(early_stop.best) else early_stop.best
    epochs = trainer.state.epoch
    del trainer, training
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    return Generation(run=run_name(number), outcome=outcome, fitness=best, epochs=epochs, seed=seed, values=values)


def write_results(folder: Path, params: Sequence[SearchParam], bucket: str) -> None:
    """Write the results so far, and keep only the weights of the best generation."""
    generations = read_generations(folder / LOG_FILE)
    best = best_generation(generations)
    assert best is not None
    plot_generations(generations, params, folder / "evolve.png")
    with atomic_path(folder / BEST_FILE) as temporary:
        about = f"# fitness {best.fitness:.4f}: generation {best.run}, the best of {len(generations)}\n"
        temporary.write_text(about + yaml.safe_dump(dict(best.values), sort_keys=False), encoding="utf-8")
    for generation in generations:
        for name in ("last.pt", *(("best.pt", "best.weights") if generation.run != best.run else ())):
            (folder / generation.run / name).unlink(missing_ok=True)
    if bucket:
        Uploader(folder, join_url(bucket, folder.name)).finish()
    logger.info(
        "%s: fitness %.4f; the best of %d is %s with %.4f: %s",
        folder, generations[-1].fitness, len(generations), best.run, best.fitness, folder / BEST_FILE,
    )  # fmt: skip

"""Create, find or resume the folder of a run."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

from yolo import distributed
from yolo.checkpoints.checkpoint_file import DAMAGE_ERRORS, load_checkpoint
from yolo.config.recipe import write_settings
from yolo.errors import SettingsError, WeightsError
from yolo.finite_weights import describe_non_finite
from yolo.remote.fetch import fetch_file
from yolo.remote.open_store import open_store
from yolo.remote.runs import CHECKPOINT, fetch_run, local_project, new_run_folder, newest_run, run_url
from yolo.storage import remove_temporaries
from yolo.urls import is_url, join_url

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from yolo.config.train_settings import TrainSettings
    from yolo.darknet.cfg_file import CfgFile
    from yolo.engine.trainer import Trainer

logger = logging.getLogger(__name__)

MODEL_CFG = "model.cfg"
SETTINGS_FILE = "settings.yaml"
REQUIRED = ("names", "model", "ema", "optimizer", "precision", "state", "batches_per_epoch", "loss_sums", "record")
MOMENTS = {"momentum", "nesterov", "betas", "alpha", "rho"}  # by which the kinds of optimizers differ
NEWEST = "newest"  # --resume without a value
JOB_FILE = "job"  # holds the id of the launcher's job, to find the run after the launcher restarts it


def new_folder(settings: TrainSettings, cfg: CfgFile) -> Path:
    """Create the folder of a new run, and write the network and the settings into it."""

    def fill(folder: Path) -> None:
        cfg.write(folder / MODEL_CFG)
        write_run_settings(settings, folder)

    return new_run_folder(settings.run.project, settings.run.name, fill)


def write_run_settings(settings: TrainSettings, folder: Path) -> None:
    """Write the settings of a run, and the job that it belongs to; remove what a kill has left half-written."""
    remove_temporaries(folder)
    if job := distributed.job_id():
        (folder / JOB_FILE).write_text(job, encoding="utf-8")
    write_settings(settings, folder / SETTINGS_FILE)


def resume(trainer: Trainer, folder: Path, names: Sequence[str]) -> None:
    """Resume the run in a folder, and write nothing; a run that was killed before its first checkpoint starts again.

    Args:
        trainer: complete.
        folder: of the run.
        names: class names of the data set.

    Raises:
        YoloError: the checkpoint cannot be read, is not the state of a run, or does not fit the network, the optimizer
            or the data set.
    """
    path = folder / CHECKPOINT
    checkpoint = distributed.run_on_main_and_broadcast(lambda: load_checkpoint(path) if path.is_file() else None)
    if checkpoint is None:
        return
    if missing := [name for name in REQUIRED if name not in checkpoint]:
        raise WeightsError(
            f"{path}: not the state of a run, as it has no '{missing[0]}'; resume from a {CHECKPOINT} of yolo.train, "
            f"or start a new run with --weights {path}"
        )
    if list(checkpoint["names"]) != list(names):
        raise SettingsError(
            f"--resume {folder}: its classes are {', '.join(checkpoint['names'])}, and those of the data set are "
            f"{', '.join(names)}; start a new run with --weights {path}"
        )
    try:
        _check_kind(trainer.optimizer.param_groups, checkpoint["optimizer"]["param_groups"])
        trainer.load_state_dict(checkpoint)
        is_done = trainer.state.epoch >= trainer.epochs
        if bad := describe_non_finite([*trainer.model.state_dict().items(), *trainer.ema.model.state_dict().items()]):
            raise ValueError(bad)
    except DAMAGE_ERRORS as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise WeightsError(
            f"{path}: does not fit the {MODEL_CFG} and {SETTINGS_FILE} beside it, or is damaged ({reason}); restore "
            "the files of the run, or start a new one with --weights"
        ) from error
    state = trainer.state
    if is_done:
        logger.info("%s: all %d epochs are done; give more with --epochs", path, state.epoch)
        return
    logger.info(
        "%s: resumed in epoch %d of %d, at batch %d of %d",
        path, state.epoch + 1, trainer.epochs, state.batches + 1, len(trainer.loader),
    )  # fmt: skip


def _check_kind(own: Sequence[Mapping[str, Any]], saved: Sequence[Mapping[str, Any]]) -> None:
    """Raise a `ValueError` if parameter groups are of different kinds of optimizers: PyTorch loads one as another."""
    if [MOMENTS & set(group) for group in own] != [MOMENTS & set(group) for group in saved]:
        raise ValueError("it has another kind of optimizer")


def find_run(resume: str, project: str) -> tuple[Path, str]:
    """Find the run that `--resume` names, or the one that was written last.

    Returns:
        The folder, and the URL that it was fetched from; empty for a local run.

    Raises:
        YoloError: there is none, or it cannot be fetched.
    """
    if is_url(resume) or (resume == NEWEST and is_url(project)):
        url = newest_run(project, SETTINGS_FILE) if resume == NEWEST else run_url(resume)
        return fetch_run(url), url
    if resume == NEWEST:
        found = sorted(Path(project).glob(f"*/{SETTINGS_FILE}"), key=lambda path: path.parent.stat().st_mtime)
        if not found:
            raise SettingsError(f"--resume: no run below --project {project}; give the folder of a run")
        return found[-1].parent, ""
    path = Path(resume).expanduser()
    folder = path if path.is_dir() else path.parent
    if not path.exists() or not (folder / SETTINGS_FILE).is_file():
        raise SettingsError(f"--resume {resume}: there is no run; give a folder with {SETTINGS_FILE} and last.pt")
    return folder, ""


def run_of_this_job(project: str) -> str:
    """Return the folder or URL of the run to resume if the launcher (torchrun, SLURM) restarted this job, else ""."""
    job = distributed.job_id()
    if not job:
        return ""
    for path in local_project(project).glob(f"*/{JOB_FILE}"):
        if path.read_text(encoding="utf-8") == job:
            return str(path.parent)
    names = open_store(project).list_files(project) if is_url(project) else {}
    for name in names:  # the run was started by another machine
        if name.endswith(f"/{JOB_FILE}") and fetch_file(join_url(project, name)).read_text(encoding="utf-8") == job:
            return join_url(project, name.removesuffix(f"/{JOB_FILE}"))
    return ""

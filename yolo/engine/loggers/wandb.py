"""Logging to Weights & Biases."""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING, Any

from yolo.engine.loggers.base import load_package
from yolo.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy as np
    import numpy.typing as npt

logger = logging.getLogger(__name__)


class Wandb:
    """Logs offline, to the run folder, unless WANDB_MODE says otherwise: nothing is sent without being asked for.

    Args:
        project: that groups the runs.
        folder: of the run.

    Raises:
        SettingsError: the package is not installed.
    """

    def __init__(self, project: str, folder: Path) -> None:
        self._wandb = load_package("wandb")
        self._project = project
        self._folder = folder

    def open(self, *, epoch: int, run_id: str) -> str:
        del epoch
        mode = os.environ.get("WANDB_MODE", "offline")
        again = {"id": run_id, "resume": "allow"} if run_id else {}
        name, folder = self._folder.name, str(self._folder)
        try:
            self._run = self._wandb.init(project=self._project, name=name, dir=folder, mode=mode, **again)
        except self._wandb.Error as error:
            raise SettingsError(f"--logger wandb: {error}; run: wandb login, or set WANDB_MODE=offline") from error
        if mode == "offline":
            later = f"wandb sync {folder}/wandb/offline-run-*"
            logger.info("wandb: offline; WANDB_MODE=online sends while training, `%s` afterwards", later)
        return str(self._run.id)

    def log_settings(self, settings: Mapping[str, Any]) -> None:
        self._run.config.update(dict(settings), allow_val_change=True)

    def log(self, numbers: Mapping[str, float], epoch: int) -> None:
        self._run.log(dict(numbers), step=epoch)

    def log_image(self, name: str, image_rgb: npt.NDArray[np.uint8], epoch: int) -> None:
        self._run.log({name: self._wandb.Image(image_rgb)}, step=epoch)

    def close(self, *, failed: bool) -> None:
        self._run.finish(exit_code=int(failed))

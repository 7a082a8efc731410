"""Logging to MLflow."""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING, Any

from yolo.engine.loggers.base import load_package
from yolo.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    import numpy as np
    import numpy.typing as npt

logger = logging.getLogger(__name__)

MAX_VALUE = 500  # characters of a parameter that every server accepts
NOT_ALLOWED = re.compile(r"[^\w./ -]")  # in names


class Mlflow:
    """Logs to MLFLOW_TRACKING_URI; without it to this machine, below the working directory.

    Args:
        project: the experiment that groups the runs.
        folder: of the run.

    Raises:
        SettingsError: the package is not installed.
    """

    def __init__(self, project: str, folder: Path) -> None:
        self._mlflow = load_package("mlflow")
        self._project = project
        self._folder = folder

    def open(self, *, epoch: int, run_id: str) -> str:
        del epoch
        try:
            self._mlflow.set_experiment(self._project)
            run = self._mlflow.start_run(run_id=run_id or None, run_name=self._folder.name)
        except self._mlflow.MlflowException as error:
            reason = " ".join(str(error).split())
            raise SettingsError(f"--logger mlflow: {reason}; look at MLFLOW_TRACKING_URI") from error
        logger.info("mlflow: %s", self._mlflow.get_tracking_uri())
        return str(run.info.run_id)

    def log_settings(self, settings: Mapping[str, Any]) -> None:
        self._send(self._mlflow.log_params, {name: str(value)[:MAX_VALUE] for name, value in settings.items()})

    def log(self, numbers: Mapping[str, float], epoch: int) -> None:
        named = {NOT_ALLOWED.sub("_", name): value for name, value in numbers.items()}
        self._send(self._mlflow.log_metrics, named, step=epoch)

    def log_image(self, name: str, image_rgb: npt.NDArray[np.uint8], epoch: int) -> None:
        self._send(self._mlflow.log_image, image_rgb, f"{name}_{epoch}.png")

    def close(self, *, failed: bool) -> None:
        self._send(self._mlflow.end_run, "FAILED" if failed else "FINISHED")

    def _send(self, what: Callable[..., object], *arguments: object, **named: object) -> None:
        """Call the server; if it is unavailable for a while, the run goes on."""
        try:
            what(*arguments, **named)
        except self._mlflow.MlflowException as error:
            logger.warning("mlflow: %s", error)

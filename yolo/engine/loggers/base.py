"""The interface of loggers, and the import of their packages."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, Protocol

from yolo.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import ModuleType

    import numpy as np
    import numpy.typing as npt


class Logger(Protocol):
    """Receives the settings, numbers and images of a run, in addition to results.csv."""

    def open(self, *, epoch: int, run_id: str) -> str:
        """Begin a run, or continue one that an earlier process began.

        Args:
            epoch: number of epochs that are done.
            run_id: returned by the earlier `open`; empty for a new run.

        Returns:
            The id of the run at the service; empty if it needs none.

        Raises:
            SettingsError: the run cannot be opened.
        """

    def log_settings(self, settings: Mapping[str, Any]) -> None:
        """Log the settings of the run."""

    def log(self, numbers: Mapping[str, float], epoch: int) -> None:
        """Log the numbers of an epoch."""

    def log_image(self, name: str, image_rgb: npt.NDArray[np.uint8], epoch: int) -> None:
        """Log an image, (H, W, 3), RGB."""

    def close(self, *, failed: bool) -> None:
        """Flush and close."""


def load_package(name: str) -> ModuleType:
    """Import the package of a logger.

    Raises:
        SettingsError: it is not installed.
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise SettingsError(f"--logger {name}: cannot be imported ({error}); run: pip install {name}") from error

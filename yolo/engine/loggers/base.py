"""What a logger is, and how its package is found."""

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
    """Keeps what a run tells, beside results.csv."""

    def open(self, *, epoch: int, run_id: str) -> str:
        """Begin, or go on with what an earlier process began.

        Args:
            epoch: how many epochs are done.
            run_id: what the earlier `open` returned; empty: this is the first.

        Returns:
            What names the run there; empty where nothing needs to.

        Raises:
            SettingsError: it cannot be begun.
        """

    def log_settings(self, settings: Mapping[str, Any]) -> None:
        """Keep the settings of the run."""

    def log(self, numbers: Mapping[str, float], epoch: int) -> None:
        """Keep an epoch's numbers."""

    def log_image(self, name: str, image_rgb: npt.NDArray[np.uint8], epoch: int) -> None:
        """Keep an image, (H, W, 3)."""

    def close(self, *, failed: bool) -> None:
        """Write what is left."""


def load_package(name: str) -> ModuleType:
    """The package of a logger.

    Raises:
        SettingsError: it is not installed.
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise SettingsError(f"--logger {name}: cannot be imported ({error}); run: pip install {name}") from error

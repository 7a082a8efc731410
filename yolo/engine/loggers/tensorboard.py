"""TensorBoard events: the same numbers under the same names as results.csv."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch.utils.tensorboard import SummaryWriter

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy as np
    import numpy.typing as npt


class TensorBoard:
    """Writes an event file.

    Args:
        folder: to write to.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def open(self, *, epoch: int, run_id: str) -> str:
        """Open the event file; points of epochs that a resumed run trains again are hidden."""
        del run_id
        self._writer = SummaryWriter(str(self.folder), purge_step=epoch + 1)
        return ""

    def log_settings(self, settings: Mapping[str, Any]) -> None:
        rows = [f"| {name} | {value} |" for name, value in settings.items()]
        self._writer.add_text("settings", "\n".join(["| setting | value |", "|---|---|", *rows]), 0)

    def log(self, numbers: Mapping[str, float], epoch: int) -> None:
        for name, value in numbers.items():
            self._writer.add_scalar(name, value, epoch)

    def log_image(self, name: str, image_rgb: npt.NDArray[np.uint8], epoch: int) -> None:
        self._writer.add_image(name, image_rgb, epoch, dataformats="HWC")

    def close(self, *, failed: bool) -> None:
        del failed
        self._writer.close()

"""Observers of a run.

Whatever changes the numbers of a step, or where a run ends, is called by name in the trainer and is no callback.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from yolo.engine.trainer import Trainer


class Callback:
    """Five hooks; each does nothing unless a subclass implements it.

    ```
    on_train_start
    for each epoch:
        on_epoch_start
        for each step: on_step_end
        on_epoch_end           # after validation, with the record of the epoch
    on_train_end               # also after an error, an interrupt or a stop
    ```
    """

    def on_train_start(self, trainer: Trainer) -> None:
        """Run before the first step."""

    def on_epoch_start(self, trainer: Trainer) -> None:
        """Run before the first step of an epoch."""

    def on_step_end(self, trainer: Trainer) -> None:
        """Run after an optimizer step; must be quick."""

    def on_epoch_end(self, trainer: Trainer, record: Mapping[str, float]) -> None:
        """Run after the validation of an epoch.

        Args:
            trainer: the trainer.
            record: the numbers of the epoch by name (`train/box`, `metrics/mAP50`, `lr/weights`).
        """

    def on_train_end(self, trainer: Trainer) -> None:
        """Run after the last step, however the run ended."""

    def state_dict(self) -> dict[str, Any]:
        """Return what a resumed run must know: tensors, numbers, text, and lists and dicts of these."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore a state; called before `on_train_start`."""

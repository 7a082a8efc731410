"""What watches a run. What changes the numbers of a step is no callback: it is called by name in the trainer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from yolo.engine.trainer import Trainer


class Callback:
    """Five moments; each does nothing unless a callback says otherwise.

    ```
    on_train_start
    for epoch:
        on_epoch_start
        for step: on_step_end
        on_epoch_end           # trainer.record holds the epoch's numbers; evaluation adds its own
    on_train_end               # also after an error, an interrupt or a stop
    ```
    """

    def on_train_start(self, trainer: Trainer) -> None:
        """Before the first step."""

    def on_epoch_start(self, trainer: Trainer) -> None:
        """Before the first step of an epoch."""

    def on_step_end(self, trainer: Trainer) -> None:
        """After an optimizer step; must be quick."""

    def on_epoch_end(self, trainer: Trainer) -> None:
        """After the last step of an epoch, in the order of the list of callbacks."""

    def on_train_end(self, trainer: Trainer) -> None:
        """After the run, however it ended."""

    def state_dict(self) -> dict[str, Any]:
        """What a resumed run must know; tensors, numbers, text, and lists and dicts of these."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take up a state; comes before `on_train_start`."""

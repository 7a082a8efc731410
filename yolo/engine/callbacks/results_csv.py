"""results.csv: one row per epoch, one column per number."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, Any

from yolo.engine.callback import Callback
from yolo.storage import atomic_path

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from yolo.engine.trainer import Trainer


class ResultsCsv(Callback):
    """Rewrites the file after each epoch, so that it is complete at any time and can gain columns.

    Args:
        path: of the file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rows: list[dict[str, float]] = []

    def on_epoch_end(self, trainer: Trainer, record: Mapping[str, float]) -> None:
        self.rows.append({"epoch": trainer.state.epoch, "step": trainer.state.step, **record})
        columns = list(dict.fromkeys(name for row in self.rows for name in row))
        with atomic_path(self.path) as temporary, temporary.open("w", newline="") as file:
            writer = csv.DictWriter(file, columns)
            writer.writeheader()
            for row in self.rows:
                writer.writerow({name: f"{value:.6g}" for name, value in row.items()})

    def state_dict(self) -> dict[str, Any]:
        return {"rows": self.rows}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.rows = list(state["rows"])

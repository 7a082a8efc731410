"""How processes are started and how they talk: settings of every program that may run as many."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from typing import TYPE_CHECKING

from yolo.config.distributed_settings import Backend

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What a process must know before it meets the others; read ahead of all other settings."""

    backend: Backend = "auto"
    url: str = ""
    timeout_min: float = 30.0
    device: str = "auto"

    @classmethod
    def read(cls, arguments: Sequence[str]) -> Options:
        """Those of a command line; what is wrong in them the program's own reading says."""
        early = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
        early.add_argument("--dist-backend", dest="backend", default="auto")
        early.add_argument("--dist-url", dest="url", default="")
        early.add_argument("--dist-timeout", dest="timeout_min", type=float, default=30.0)
        early.add_argument("--device", default="auto")
        try:
            return cls(**vars(early.parse_known_args(list(arguments))[0]))
        except argparse.ArgumentError:
            return cls()

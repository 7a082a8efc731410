"""Turn out-of-memory and compile errors into messages with a remedy."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from torch._dynamo.exc import TorchDynamoException

from yolo.errors import SettingsError
from yolo.system_errors import is_out_of_memory

if TYPE_CHECKING:
    from collections.abc import Iterator

    from yolo.config.train_settings import TrainSettings


@contextmanager
def explain_errors(settings: TrainSettings) -> Iterator[None]:
    """Turn errors that other settings would avoid into messages that name these settings.

    Args:
        settings: of the run.

    Raises:
        SettingsError: out of memory, or the network cannot be compiled.
    """
    try:
        yield
    except TorchDynamoException as error:
        reason = str(error).strip().splitlines()[0]
        raise SettingsError(f"--compile: the network cannot be compiled ({reason}); leave out --compile") from error
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        raise SettingsError(
            f"--batch-size {settings.batch_size}: out of memory (saved files are complete); "
            f"use {_memory_savers(settings)}"
        ) from error


def _memory_savers(settings: TrainSettings) -> str:
    """Return the settings that would take less memory; first those that change the numbers least."""
    ways = []
    if settings.batch_size != "auto" and settings.batch_size > 1:
        ways.append(f"--batch-size {settings.batch_size // 2}, --batch-size auto")
    if not settings.model.grad_checkpoint:
        ways.append("--grad-checkpoint")
    if settings.precision in ("auto", "fp32", "tf32"):
        ways.append("--precision bf16")
    ways.append("a smaller --img-size")
    if settings.sizes.multi_scale is not None:
        ways.append("a lower HIGH of --multi-scale")
    ways.append("a smaller network")
    return ", ".join(ways[:-1]) + f", or {ways[-1]}"

"""Parse a command line into a settings dataclass: its fields are the flags, their docstrings the help texts."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, TypeVar, cast

import tyro

if TYPE_CHECKING:
    from collections.abc import Sequence

    from yolo.config.distributed_settings import ProgramSettings

logger = logging.getLogger(__name__)

Settings = TypeVar("Settings", bound="ProgramSettings")


def parse_command_line(
    kind: type[Settings], module: str, arguments: Sequence[str], default: Settings | None
) -> Settings:
    """Return the settings that a command line gives.

    Unknown arguments are ignored with a warning if `--platform` is given, because platforms add their own.

    Args:
        kind: the settings dataclass.
        module: module name of the program, for its help.
        arguments: the command line.
        default: values of flags that are not given; None: the defaults of `kind`.

    Raises:
        SystemExit: after help or an error message was printed.
    """
    options: dict[str, Any] = {"prog": f"python -m {module}", "config": (tyro.conf.OmitArgPrefixes,)}
    if default is not None:
        options["default"] = default
    settings, unknown = tyro.cli(kind, args=arguments, return_unknown_args=True, **options)
    platform = settings.distributed.platform
    if unknown and not platform:
        tyro.cli(kind, args=arguments, **options)  # prints the error and exits
    if unknown:
        logger.warning("--platform %s: ignored unknown arguments: %s", platform, " ".join(unknown))
    return cast("Settings", settings)

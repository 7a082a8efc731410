"""A command line as a record of settings; fields are its flags, their docstrings its help."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, TypeVar, cast

import tyro

if TYPE_CHECKING:
    from collections.abc import Sequence

    from yolo.config.distributed_settings import ProgramSettings

logger = logging.getLogger(__name__)

Settings = TypeVar("Settings", bound="ProgramSettings")


def parse(kind: type[Settings], module: str, arguments: Sequence[str] | None, default: Settings | None) -> Settings:
    """The settings that a command line gives; a platform that adds arguments of its own may be named in it.

    Args:
        kind: the record.
        module: of the program, for its help.
        arguments: the command line; None: the program's own.
        default: values of what is not given; None: those of the record.

    Raises:
        SystemExit: help was asked for, or something cannot be read; it has been said.
    """
    options: dict[str, Any] = {"prog": f"python -m {module}", "config": (tyro.conf.OmitArgPrefixes,)}
    if default is not None:
        options["default"] = default
    settings, unknown = tyro.cli(kind, args=arguments, return_unknown_args=True, **options)
    platform = settings.distributed.platform
    if unknown and not platform:
        tyro.cli(kind, args=arguments, **options)  # says what is wrong, and ends
    if unknown:
        logger.warning("--platform %s: passed over %s", platform, " ".join(unknown))
    return cast("Settings", settings)

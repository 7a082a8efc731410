"""`python -m yolo.test`: evaluate a trained network on a labelled data set."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from yolo import distributed
from yolo.checkpoints.loading import read_validation_settings
from yolo.config.command_line import parse_command_line
from yolo.config.program import run_program
from yolo.config.test_settings import TestSettings
from yolo.evaluation.run_test import run_test

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: Sequence[str]) -> int:
    """Read the command line and evaluate."""
    return distributed.start("yolo.test", arguments, read_test_settings, run_test)


def read_test_settings(arguments: Sequence[str]) -> TestSettings:
    """Read the settings of a command line; the defaults are those of the run that wrote the weights."""
    weights_parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    weights_parser.add_argument("--weights")
    weights = weights_parser.parse_known_args(arguments)[0].weights
    default = TestSettings(weights=weights, **read_validation_settings(weights)) if weights else None
    return parse_command_line(TestSettings, "yolo.test", arguments, default)


if __name__ == "__main__":
    raise SystemExit(run_program(main))

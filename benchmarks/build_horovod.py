"""Build the newest release of Horovod for the installed PyTorch, and install it.

    python -m benchmarks.build_horovod [--wheel-dir wheels] [--jobs 2]

Horovod 0.28.1 (2023) is released as source only, for PyTorch up to 2.0. pip downloads it, and `edits` patches these
places, after checking that each reads as expected:

* Horovod sets C++14 in two places; the headers of PyTorch need 17 or 20. The number is read from the installed PyTorch.
* A PyTorch with CUDA enables Horovod's GPU code even without a GPU. It is disabled: this build reduces on the CPU, with
  gloo.
* `distutils`, used to find the headers of Python and a program's path, was removed in Python 3.12.

The compiled library works only with this version of PyTorch: build it again after an upgrade.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch
import torch.utils
import tyro

from yolo.config.program import run_program
from yolo.errors import YoloError

if TYPE_CHECKING:
    from collections.abc import Sequence

VERSION = "0.28.1"
VARIABLES = {
    "HOROVOD_WITH_PYTORCH": "1",
    "HOROVOD_WITH_GLOO": "1",
    "HOROVOD_WITHOUT_MPI": "1",
    "HOROVOD_WITHOUT_TENSORFLOW": "1",
    "HOROVOD_WITHOUT_MXNET": "1",
    "CMAKE_POLICY_VERSION_MINIMUM": "3.5",  # CMake 4 refuses the version 2.8 of gloo
}


@dataclass(frozen=True)
class Arguments:
    """Build Horovod for the installed PyTorch, and install it."""

    wheel_dir: Path | None = None
    """Folder for a copy of the wheel."""
    jobs: int = 2
    """Number of files to compile in parallel."""


def edits() -> list[tuple[str, str, str]]:
    """Return the patches: file, old text, new text."""
    config = Path(torch.utils.cmake_prefix_path) / "Torch" / "TorchConfig.cmake"
    found = re.search(r"CXX_STANDARD \d+", config.read_text())
    assert found, f"{config} names no C++ standard"
    old, new = "set(CMAKE_CXX_STANDARD 14)", f"set(CMAKE_{found[0]})"
    headers = "from distutils.sysconfig import get_python_inc; print(get_python_inc())"
    torch_cmake, find_torch = "horovod/torch/CMakeLists.txt", "cmake/Modules/FindPytorch.cmake"
    launcher = "horovod/runner/js_run.py"
    return [
        ("CMakeLists.txt", old, new),
        (torch_cmake, old, new),
        (torch_cmake, headers, "import sysconfig; print(sysconfig.get_path('include'))"),
        (find_torch, 'string(TOUPPER "${Pytorch_CUDA}" Pytorch_CUDA)', "set(Pytorch_CUDA FALSE)"),
        (launcher, "from distutils.spawn import find_executable", "from shutil import which as find_executable"),
    ]


def build_environment(jobs: int) -> dict[str, str]:
    """Return the environment variables of the build.

    Raises:
        YoloError: a program that the build needs is missing.
    """
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)))
    missing = [name for name in ("g++", "make", "cmake") if not shutil.which(name, path=path)]
    missing += [] if importlib.util.find_spec("pip") else ["pip"]
    if missing:
        raise YoloError(f"building Horovod needs {', '.join(missing)}: install them (or pip install cmake)")
    return os.environ | VARIABLES | {"PATH": path, "MAKEFLAGS": f"-j{jobs}"}


def main(command_line: Sequence[str]) -> None:
    """Download, patch, build and install Horovod."""
    arguments = tyro.cli(Arguments, args=command_line)
    environment = build_environment(arguments.jobs)

    def pip(*words: str | Path) -> None:
        if subprocess.run([sys.executable, "-m", "pip", *words], env=environment, check=False).returncode:
            raise YoloError(f"pip {' '.join(map(str, words))} failed; see its output above")

    pip("install", "setuptools", "wheel", "packaging")
    build_flags = ("--no-deps", "--no-build-isolation")  # an isolated build would not find the installed PyTorch
    with tempfile.TemporaryDirectory() as scratch:
        source, wheels = Path(scratch) / f"horovod-{VERSION}", Path(scratch) / "wheels"
        pip("download", *build_flags, "--no-binary", "horovod", "-d", scratch, f"horovod=={VERSION}")
        with tarfile.open(f"{source}.tar.gz") as archive:
            archive.extractall(scratch, filter="data")
        for name, old, new in edits():
            text = (source / name).read_text()
            assert text.count(old) == 1, f"{name}: {old!r} occurs {text.count(old)} times, not once"
            (source / name).write_text(text.replace(old, new))
        pip("wheel", *build_flags, "--use-pep517", "-w", wheels, source)
        (wheel,) = wheels.iterdir()
        if arguments.wheel_dir:
            arguments.wheel_dir.mkdir(parents=True, exist_ok=True)
            shutil.copy2(wheel, arguments.wheel_dir)
        pip("install", "--force-reinstall", "--no-deps", wheel)
        pip("install", wheel)  # missing dependencies


if __name__ == "__main__":
    sys.exit(run_program(main))

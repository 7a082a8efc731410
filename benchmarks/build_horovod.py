"""Builds Horovod's newest release against the PyTorch of this environment, and installs it here.

    python -m benchmarks.build_horovod [--wheel-dir wheels] [--jobs 2]

Horovod 0.28.1 (2023) comes as source alone and knows no PyTorch newer than 2.0. pip fetches it; `edits` changes
these places, each of which must still read as expected:

* C++14 is asked for twice; PyTorch's headers want 17 or 20. The number is read from the installed PyTorch.
* A PyTorch with CUDA brings in Horovod's GPU code and CUDA's libraries, also where there is no GPU. Left out: what is
  built adds up on the CPU, by gloo.
* `distutils`, asked for Python's headers and for a program's path, left Python in 3.12.

The compiled library fits this version of PyTorch alone: build again after an upgrade.
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

import torch
import torch.utils
import tyro

from yolo.config.program import run
from yolo.errors import YoloError

VERSION = "0.28.1"
VARIABLES = {
    "HOROVOD_WITH_PYTORCH": "1",
    "HOROVOD_WITH_GLOO": "1",
    "HOROVOD_WITHOUT_MPI": "1",
    "HOROVOD_WITHOUT_TENSORFLOW": "1",
    "HOROVOD_WITHOUT_MXNET": "1",
    "CMAKE_POLICY_VERSION_MINIMUM": "3.5",  # CMake 4 refuses what gloo asks for, 2.8
}


@dataclass(frozen=True)
class Arguments:
    """Build Horovod for the PyTorch of this environment, and install it."""

    wheel_dir: Path | None = None
    """Where a copy of the wheel is kept."""
    jobs: int = 2
    """How many files are compiled at a time."""


def edits() -> list[tuple[str, str, str]]:
    """What is changed: file, old text, new text."""
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
    """The environment variables of the build.

    Raises:
        YoloError: a program that the build needs is missing.
    """
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)))
    missing = [name for name in ("g++", "make", "cmake") if not shutil.which(name, path=path)]
    missing += [] if importlib.util.find_spec("pip") else ["pip"]
    if missing:
        raise YoloError(f"building Horovod needs {', '.join(missing)}: install them (cmake also by pip install cmake)")
    return os.environ | VARIABLES | {"PATH": path, "MAKEFLAGS": f"-j{jobs}"}


def main() -> None:
    """Fetch, edit, build, install."""
    arguments = tyro.cli(Arguments)
    environment = build_environment(arguments.jobs)

    def pip(*words: str | Path) -> None:
        if subprocess.run([sys.executable, "-m", "pip", *words], env=environment, check=False).returncode:
            raise YoloError(f"pip {' '.join(map(str, words))} failed: its reason stands above")

    pip("install", "setuptools", "wheel", "packaging")
    as_it_is = ("--no-deps", "--no-build-isolation")  # isolated, the build would not see the installed PyTorch
    with tempfile.TemporaryDirectory() as scratch:
        source, wheels = Path(scratch) / f"horovod-{VERSION}", Path(scratch) / "wheels"
        pip("download", *as_it_is, "--no-binary", "horovod", "-d", scratch, f"horovod=={VERSION}")
        with tarfile.open(f"{source}.tar.gz") as archive:
            archive.extractall(scratch, filter="data")
        for name, old, new in edits():
            text = (source / name).read_text()
            assert text.count(old) == 1, f"{name}: {old!r} is there {text.count(old)} times, not once"
            (source / name).write_text(text.replace(old, new))
        pip("wheel", *as_it_is, "--use-pep517", "-w", wheels, source)
        (wheel,) = wheels.iterdir()
        if arguments.wheel_dir:
            arguments.wheel_dir.mkdir(parents=True, exist_ok=True)
            shutil.copy2(wheel, arguments.wheel_dir)
        pip("install", "--force-reinstall", "--no-deps", wheel)
        pip("install", wheel)  # what it depends on, where that is missing


if __name__ == "__main__":
    sys.exit(run(main))

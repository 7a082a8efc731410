"""Says what to install where OpenCV cannot be imported, which happens on servers without a screen's libraries."""

from __future__ import annotations

import importlib
import sys

DEBIAN_PACKAGES = {
    "libGL.so.1": "libgl1",
    "libgthread-2.0.so.0": "libglib2.0-0",
    "libSM.so.6": "libsm6",
    "libXext.so.6": "libxext6",
    "libXrender.so.1": "libxrender1",
}


def require_opencv() -> None:
    """Import OpenCV, or stop with one line that says what mends it.

    Raises:
        ImportError: it cannot be imported, and the package is used as a library.
        SystemExit: the same under `python -m`: the line is on stderr, the status 2.
    """
    try:
        importlib.import_module("cv2")
    except ImportError as error:
        message = f"OpenCV cannot be imported ({error}): {remedy(error)}"
        if sys.argv[0] != "-m":  # what Python sets while it looks for the module that it is to run
            raise ImportError(message) from error
        sys.stderr.write(f"error: {message}\n")
        raise SystemExit(2) from None


def remedy(error: ImportError) -> str:
    """What to install."""
    if isinstance(error, ModuleNotFoundError):
        return "pip install opencv-python"
    headless = "pip uninstall opencv-python && pip install opencv-python-headless"
    package = next((package for library, package in DEBIAN_PACKAGES.items() if library in str(error)), None)
    return f"apt-get install {package}, or {headless}" if package else headless

"""Check that OpenCV can be imported, which fails on servers without graphics libraries."""

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
    """Import OpenCV, or report what to install.

    Raises:
        ImportError: OpenCV cannot be imported.
        SystemExit: the same under `python -m`; the message is on stderr, the status is 2.
    """
    try:
        importlib.import_module("cv2")
    except ImportError as error:
        message = f"OpenCV cannot be imported ({error}): {install_hint(error)}"
        if sys.argv[0] != "-m":  # set by Python while it locates the module to run
            raise ImportError(message) from error
        sys.stderr.write(f"error: {message}\n")
        raise SystemExit(2) from None


def install_hint(error: ImportError) -> str:
    """Return the command that fixes a failed import of OpenCV."""
    if isinstance(error, ModuleNotFoundError):
        return "pip install opencv-python"
    headless = "pip uninstall opencv-python && pip install opencv-python-headless"
    package = next((package for library, package in DEBIAN_PACKAGES.items() if library in str(error)), None)
    return f"apt-get install {package}, or {headless}" if package else headless

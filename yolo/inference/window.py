"""A window that shows images one after the other."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import cv2

from yolo.errors import SettingsError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

QUIT_KEYS = (ord("q"), 27)  # 27: Escape
HEADLESS_MESSAGE = "--view: this OpenCV has no windows; pip install opencv-python instead of opencv-python-headless"


class Window:
    """A window on the screen; it opens with the first image.

    Raises:
        SettingsError: there is no screen.
    """

    def __init__(self, title: str) -> None:
        screen = os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
        if sys.platform.startswith("linux") and not screen:  # Qt would end the process
            raise SettingsError("--view: this machine has no screen (DISPLAY is not set); leave it out")
        self._title = title

    def show(self, image: npt.NDArray[np.uint8]) -> bool:
        """Show an image (H, W, 3), BGR; return False once the user quits with q, Escape or by closing the window."""
        try:
            cv2.imshow(self._title, image)
            pressed = cv2.waitKey(1) & 0xFF
            visible = cv2.getWindowProperty(self._title, cv2.WND_PROP_VISIBLE) >= 1
        except cv2.error as error:
            raise SettingsError(HEADLESS_MESSAGE) from error
        return visible and pressed not in QUIT_KEYS

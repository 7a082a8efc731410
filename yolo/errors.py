"""Errors that a user can fix.

Every message says where (``path:line`` or the flag), what was found, what is allowed, and what to do.
Programs print it as one line on stderr and exit with status 2. Programming errors are `assert`s.
"""

import math


class YoloError(Exception):
    """An error in the user's input or environment."""


class CfgError(YoloError):
    """A network file that cannot be read or does not describe a network."""


class WeightsError(YoloError):
    """A weights file that does not match the network, is truncated, or is not a weights file."""


class DownloadError(YoloError):
    """A file that cannot be downloaded, or is not the expected one."""


class DataError(YoloError):
    """A data set, label or image that cannot be used."""


class MissingImageError(DataError):
    """An image that a data set lists and that does not exist."""


class BadRowError(DataError):
    """An entry of a label file that does not describe an object."""


class UnknownClassError(DataError):
    """A class id or class name that the data set does not have."""


class SettingsError(YoloError):
    """A flag, recipe key or combination of settings that cannot be used."""


class StorageError(YoloError):
    """A file or folder in an object store that cannot be read or written."""


class SystemLimitError(YoloError):
    """A limit of the machine or its container: memory, shared memory, open files."""


class TrainingError(YoloError):
    """A training run that cannot continue with its settings."""


class OtherProcessError(YoloError):
    """An error that another process has found and reports."""


MIN_IMG_SIZE = 32  # pixels; the stride of the coarsest usual head
MAX_IMG_SIZE = 16_384  # pixels; activations of larger inputs take more memory than machines have


def require(flag: str, value: object, is_valid: bool, allowed: str) -> None:
    """Raise a `SettingsError` unless a setting is valid; NaN and infinity never are."""
    if not is_valid or (isinstance(value, float) and not math.isfinite(value)):
        raise SettingsError(f"{flag} {value}: use {allowed}")


def require_ranges(record: object, **ranges: tuple[float, float]) -> None:
    """Raise a `SettingsError` if a number of a settings record, or one of several, is out of its range.

    Args:
        record: the settings; None is always allowed.
        ranges: smallest and largest value of each field.
    """
    for name, (low, high) in ranges.items():
        value = getattr(record, name)
        values = value if isinstance(value, tuple) else () if value is None else (value,)
        flag, given = f"--{name.replace('_', '-')}", " ".join(map(str, values))
        require(flag, given, all(each >= low for each in values), f"{low:g} or more")
        require(flag, given, all(each <= high for each in values), f"{high:,.10g} or less")


def require_img_size(*sides: int | None, flag: str = "--img-size") -> None:
    """Raise a `SettingsError` if a side of the network input, in pixels, is out of range; None means not set.

    Args:
        sides: the sides to check.
        flag: the flag or flags that they come from.
    """
    given = [side for side in sides if side is not None]
    text = " ".join(map(str, given))
    require(flag, text, all(side >= MIN_IMG_SIZE for side in given), f"{MIN_IMG_SIZE} or more")
    require(flag, text, all(side <= MAX_IMG_SIZE for side in given), f"{MAX_IMG_SIZE} or less")

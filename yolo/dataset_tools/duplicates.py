"""Find identical images: copies of a file under other names."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from yolo.errors import DataError
from yolo.log import progress
from yolo.remote.streaming import read_file

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def group_identical(images: Sequence[Path]) -> list[list[int]]:
    """Return groups of positions in `images`, one group per distinct file, ordered by the first position of each.

    Raises:
        DataError: an image cannot be read.
    """
    sizes = [image.stat().st_size for image in images]
    count = Counter(sizes)
    candidates = [i for i, size in enumerate(sizes) if count[size] > 1]  # files of unique size are not copies
    with ThreadPoolExecutor(min(32, 4 * (os.cpu_count() or 1))) as pool:
        digests = pool.map(_digest, [images[i] for i in candidates])
        bar = progress(digests, "find copies", total=len(candidates), unit=" images", delay=1)
        content = dict(zip(candidates, bar, strict=True))
    groups: dict[bytes | int, list[int]] = {}
    for i in range(len(images)):
        groups.setdefault(content.get(i, i), []).append(i)
    return list(groups.values())


def _digest(image: Path) -> bytes:
    try:
        return hashlib.blake2b(read_file(image), digest_size=16).digest()
    except OSError as error:
        raise DataError(f"{image}: cannot be read ({error.strerror}); replace it, or take it off the list") from error

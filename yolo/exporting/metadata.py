"""What a program must know to use an exported graph: it travels inside the file."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from yolo.data.transforms import FILL

if TYPE_CHECKING:
    from yolo.exporting.job import Job, Precision


def metadata(job: Job, precision: Precision) -> dict[str, str]:
    """All of it as text, lists and numbers as JSON has them."""
    height, width = job.interface.size
    return {
        "names": json.dumps(job.names),
        "stride": str(job.interface.stride),
        "height": str(height),
        "width": str(width),
        "dynamic": json.dumps(list(job.interface.open_axes.values())),
        "color": "RGB",
        "scale": repr(1 / 255),  # a pixel's value times this is the input
        "fit": "letterbox",
        "fill": str(FILL),
        "precision": precision,
        "images_seen": str(job.model.images_seen),
        "cfg": job.model.cfg.text,
    }

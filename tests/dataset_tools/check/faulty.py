"""A Darknet data set with one of every fault."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from tests.data.formats.images import put_text

WIDTH, HEIGHT = 1000, 500  # 0.001 of the width is 1 px, and 0.416 px in a usual input
SMALL = (100, 50)
GOOD = "0 0.5 0.5 0.2 0.4\n"
BOXES = [
    "0 0.5 0.5 0.4 0.4",
    "0 0.5 0.5 0 0.4",  # 2: no width
    "1 1.5 0.5 0.2 0.2",  # 3: wholly outside
    "0 0.9 0.5 0.22 0.4",  # 4: 10 px outside
    "0 0.5 0.5 0.4 0.4",  # 5: twice
    "0 0.5 0.5 0.39 0.4",  # 6: IoU 0.975 with the first
    "2 0.5 0.5 0.4 0.38",  # 7: IoU 0.95 with the first, another class; 0.927 with the one before
    "1 0.1 0.5 0.2000008 0.2",  # 8: touches the edge, within rounding
    "1 0.7 0.1 0.8 0.1 0.8 0.3",  # 9: a polygon
    "1 0.3 0.2 0.004 0.1",  # 10: 4 px wide, 1.7 in the input
]
ROWS = ["0 0.5 0.5 0.4", "0 0.5 0.5 nan 0.4", "0 0.5 0.5 0.4 0.4", "9 0.5 0.5 0.4 0.4", "0 0.5 x 0.4 0.4"]


def noise(seed: int, size: tuple[int, int] = SMALL) -> Image.Image:
    pixels: npt.NDArray[np.uint8] = np.random.default_rng(seed).integers(0, 255, (size[1], size[0], 3), np.uint8)
    return Image.fromarray(pixels)


def make_faulty(folder: Path) -> Path:
    """Write the data set, and give its `.data` file."""
    images, labels = folder / "images", folder / "labels"
    images.mkdir(parents=True)
    labels.mkdir()

    def put(name: str, seed: int, text: str | None = GOOD, size: tuple[int, int] = SMALL, **options: Any) -> Path:
        noise(seed, size).save(images / name, **options)
        if text is not None:
            put_text((labels / name).with_suffix(".txt"), text)
        return images / name

    good = put("good.jpg", 1)
    cut = put("cut.jpg", 2)
    cut.write_bytes(cut.read_bytes()[: cut.stat().st_size // 2])
    put_text(images / "text.jpg", "no image")
    put_text(labels / "text.txt", GOOD)
    put("png.jpg", 3, format="PNG")
    exif = Image.Exif()
    exif[0x0112] = 6
    put("turned.jpg", 4, exif=exif)
    (images / "copy.jpg").write_bytes(good.read_bytes())
    put_text(labels / "copy.txt", GOOD)
    put("plain.png", 5, compress_level=0)
    put("packed.png", 5, compress_level=9)
    put("bare.jpg", 6, None)
    put("boxes.png", 7, "\n".join(BOXES), (WIDTH, HEIGHT), compress_level=0)
    put("rows.jpg", 8, "\n".join(ROWS))
    put("latin.jpg", 9)
    (labels / "latin.txt").write_bytes(b"0 0.5 0.5 0.2 0.4 \xff")
    put("val.jpg", 10)
    (images / "leak.jpg").write_bytes((images / "png.jpg").read_bytes())
    put_text(labels / "leak.txt", GOOD)
    put_text(labels / "orphan.txt", GOOD)
    put_text(labels / "classes.txt", "cat\n")
    train = ["good", "cut", "text", "png", "turned", "copy", "bare", "rows", "latin", "none"]
    put_text(folder / "train.txt", "".join(f"images/{n}.jpg\n" for n in train)
             + "images/plain.png\nimages/packed.png\nimages/boxes.png\n")  # fmt: skip
    put_text(folder / "val.txt", "images/val.jpg\nimages/leak.jpg\n")
    put_text(folder / "my.names", "cat\ndog\nbird\nfish\n")
    keys = "train = train.txt\nvalid = val.txt\ntest = nowhere.txt\nnames = my.names\n"
    return put_text(folder / "my.data", keys)

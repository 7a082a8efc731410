"""Self-contained HTML pages: images and style are embedded."""

from __future__ import annotations

import base64
from html import escape
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

JPEG_QUALITY = 82

PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{title}</title><style>
body {{ font: 15px/1.5 system-ui, sans-serif; color: #2b2d33; background: #f4f5f7; margin: 0 }}
main {{ max-width: 1180px; margin: 0 auto; padding: 24px }}
h1 {{ font-size: 26px; margin: 0 }} h2 {{ font-size: 20px; margin: 36px 0 12px }}
section, .card {{ background: #fff; border: 1px solid #dfe2e7; border-radius: 8px; padding: 16px 20px; margin: 14px 0 }}
h3 {{ font-size: 16px; margin: 0 0 6px }} p {{ margin: 4px 0 }} img {{ max-width: 100% }}
pre {{ margin: 0; overflow-x: auto; font-size: 13px }} table {{ border-collapse: collapse; width: 100% }}
td, th {{ text-align: left; padding: 5px 10px; border-bottom: 1px solid #e8eaee; vertical-align: top }}
td.n, th.n {{ text-align: right; font-variant-numeric: tabular-nums }} a {{ color: inherit }}
.level {{ display: inline-block; min-width: 62px; text-align: center; color: #fff; border-radius: 4px; font-size: 12px;
  padding: 1px 6px }}
.error {{ background: #c53030 }} .warning {{ background: #b7791f }} .info {{ background: #2f6db5 }}
.thumbs {{ display: flex; flex-wrap: wrap; gap: 12px; margin-top: 12px }} figure {{ margin: 0; width: 320px }}
.wide {{ width: auto; margin: 0 0 14px }} .wide img {{ width: 100% }}
figcaption, li {{ font-size: 12px; color: #5a5f69; overflow-wrap: anywhere }} ul {{ margin: 8px 0; padding-left: 18px }}
</style></head><body><main>
<h1>{title}</h1>{body}
</main></body></html>
"""


def page(title: str, body: str) -> str:
    """Return a whole page; the title is text, the body is HTML."""
    return PAGE.format(title=escape(title), body=body)


def png(image: npt.NDArray[np.uint8], alt: str) -> str:
    """Return an element with an image (H, W, 3), BGR, as PNG: for plots."""
    return image_element(cv2.imencode(".png", image)[1].tobytes(), "png", alt)


def jpeg(image: npt.NDArray[np.uint8], alt: str) -> str:
    """Return an element with an image (H, W, 3), BGR, as JPEG: for photographs."""
    data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])[1]
    return image_element(data.tobytes(), "jpeg", alt)


def image_element(data: bytes, kind: str, alt: str) -> str:
    """Return an element with the content of an image file."""
    return f'<img src="data:image/{kind};base64,{base64.b64encode(data).decode()}" alt="{escape(alt)}">'

"""COCO data sets: annotations/instances_SPLIT.json, and images/."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from yolo.data.writers.dataset_writer import DatasetWriter, write_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from yolo.data.index import Record

DECIMALS = 4  # of a pixel coordinate


class CocoWriter(DatasetWriter):
    """Writes images/ and annotations/; category ids are class ids + 1, and ignored objects are crowds."""

    def __init__(self, folder: Path, title: str, names: Sequence[str]) -> None:
        self._folder = folder
        self._title = title
        self._categories = [{"id": i, "name": name, "supercategory": ""} for i, name in enumerate(names, start=1)]
        self._records: dict[str, Record] = {}
        (folder / "annotations").mkdir()

    def image_path(self, name: str, split: str) -> Path:
        return self._folder / "images" / name

    def write_labels(self, name: str, split: str, record: Record) -> None:
        self._records[name] = record

    def write_split(self, split: str, names: Sequence[str]) -> None:
        names = list(dict.fromkeys(names))
        images = [
            {"id": i, "file_name": name, "width": self._records[name].width, "height": self._records[name].height}
            for i, name in enumerate(names, start=1)
        ]
        lines = ['{"info": ', json.dumps({"description": self._title}), ', "licenses": [],\n"images": [\n']
        lines += [",\n".join(map(_to_json, images)), '\n],\n"annotations": [\n']
        lines += [",\n".join(map(_to_json, self._annotations(names))), '\n],\n"categories": [\n']
        lines += [",\n".join(map(_to_json, self._categories)), "\n]}\n"]
        write_text(self._folder / "annotations" / f"instances_{split}.json", lines)

    def finish(self) -> None:
        """Do nothing: `write_split` wrote all files."""

    def _annotations(self, names: Sequence[str]) -> Iterator[dict[str, Any]]:
        annotation_id = 0
        for image_id, name in enumerate(names, start=1):
            record = self._records[name]
            boxes = record.boxes_xyxy
            areas = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1) if record.areas is None else record.areas
            columns = (boxes, record.class_ids, record.ignore, areas)
            for (x1, y1, x2, y2), class_id, ignore, area in zip(*(column.tolist() for column in columns), strict=True):
                annotation_id += 1
                yield {
                    "id": annotation_id,
                    "image_id": image_id,
                    "category_id": class_id + 1,
                    "bbox": [round(value, DECIMALS) for value in (x1, y1, x2 - x1, y2 - y1)],
                    "area": round(area, DECIMALS),
                    "iscrowd": int(ignore),
                    "segmentation": [],
                }


def _to_json(entry: Any) -> str:
    return json.dumps(entry, ensure_ascii=False)

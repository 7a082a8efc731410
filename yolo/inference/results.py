"""What was found in pictures, in the forms that people use on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from yolo.errors import DataError, SettingsError
from yolo.evaluation.preview import write_picture
from yolo.inference.sources.frame import PICTURE_SUFFIXES, Picture
from yolo.visualization.drawing import draw_boxes

if TYPE_CHECKING:
    import numpy.typing as npt
    import supervision

    from yolo.boxes.nms import Detections


@dataclass(frozen=True, slots=True, eq=False)
class Result:
    """What was found in one picture, best first. Axes: N objects.

    Attributes:
        picture: with its pixels, its name and, of a video, its number.
        boxes_xyxy: (N, 4) float32, pixels of the picture.
        scores: (N,) float32 in 0..1.
        class_ids: (N,) int64.
        class_names: of every class of the network.
    """

    picture: Picture
    boxes_xyxy: npt.NDArray[np.float32]
    scores: npt.NDArray[np.float32]
    class_ids: npt.NDArray[np.int64]
    class_names: tuple[str, ...]

    @classmethod
    def of(cls, picture: Picture, detections: Detections, class_names: tuple[str, ...]) -> Result:
        """From what a detector gave."""
        columns = (detections.xyxy, detections.score, detections.class_id)
        boxes_xyxy, scores, class_ids = (column.cpu().numpy() for column in columns)
        return cls(picture, boxes_xyxy, scores, class_ids, class_names)

    def __len__(self) -> int:
        """Number of objects."""
        return len(self.scores)

    @property
    def names(self) -> list[str]:
        """Name of each object's class."""
        return [self.class_names[class_id] for class_id in self.class_ids]

    def plot(self) -> npt.NDArray[np.uint8]:
        """A copy of the picture (H, W, 3), BGR, with boxes, names and scores."""
        labels = [f"{name} {score:.2f}" for name, score in zip(self.names, self.scores, strict=True)]
        return draw_boxes(self.picture.image, self.boxes_xyxy, labels, self.class_ids.tolist())

    def save(self, path: str | Path) -> Path:
        """Write the drawn picture, whole or not at all.

        Args:
            path: of the file, or of a folder, where it gets the picture's name.

        Returns:
            Where it is.
        """
        target = Path(path)
        if target.suffix.lower() not in PICTURE_SUFFIXES:
            target = free_path(target, self.picture.stem, self.picture.suffix)
        write_picture(target, self.plot())
        return target

    def to_coco(self, image_id: int | str | None = None) -> list[dict[str, Any]]:
        """Entries of a COCO results file: `category_id` is the class id + 1, `bbox` left, top, width, height.

        Args:
            image_id: of the picture; None: its name without folder and suffix.
        """
        name = self.picture.stem if image_id is None else image_id
        rows = zip(self.class_ids.tolist(), self.boxes_xyxy.tolist(), self.scores.tolist(), strict=True)
        return [
            {
                "image_id": name,
                "category_id": class_id + 1,
                "bbox": [round(value, 3) for value in (left, top, right - left, bottom - top)],
                "score": round(score, 6),
            }
            for class_id, (left, top, right, bottom), score in rows
        ]

    def to_supervision(self) -> supervision.Detections:
        """The same as the library `supervision` has it.

        Raises:
            SettingsError: that library is not installed.
        """
        try:
            from supervision import Detections
        except ImportError as error:
            raise SettingsError("to_supervision(): needs the library; pip install 'yolo[supervision]'") from error
        data: dict[str, Any] = {"class_name": np.array(self.names, dtype=str)}
        return Detections(xyxy=self.boxes_xyxy, confidence=self.scores, class_id=self.class_ids, data=data)


class Results(Sequence[Result]):
    """One `Result` a picture, in order; where there is one picture alone, its fields and methods are here too."""

    def __init__(self, results: Sequence[Result]) -> None:
        self._results = tuple(results)

    @overload
    def __getitem__(self, index: int) -> Result: ...
    @overload
    def __getitem__(self, index: slice) -> Results: ...
    def __getitem__(self, index: int | slice) -> Result | Results:
        return Results(self._results[index]) if isinstance(index, slice) else self._results[index]

    def __len__(self) -> int:
        """Number of pictures."""
        return len(self._results)

    @property
    def boxes_xyxy(self) -> npt.NDArray[np.float32]:
        return self._only("boxes_xyxy").boxes_xyxy

    @property
    def scores(self) -> npt.NDArray[np.float32]:
        return self._only("scores").scores

    @property
    def class_ids(self) -> npt.NDArray[np.int64]:
        return self._only("class_ids").class_ids

    @property
    def names(self) -> list[str]:
        return self._only("names").names

    def plot(self) -> npt.NDArray[np.uint8]:
        """The one picture with boxes."""
        return self._only("plot()").plot()

    def to_supervision(self) -> supervision.Detections:
        """The one picture's objects as the library `supervision` has them."""
        return self._only("to_supervision()").to_supervision()

    def save(self, path: str | Path) -> list[Path]:
        """Write every drawn picture into a folder, or the one picture to a file; gives where they are."""
        if Path(path).suffix.lower() in PICTURE_SUFFIXES:
            return [self._only("save(file)").save(path)]
        return [result.save(path) for result in self]

    def to_coco(self) -> list[dict[str, Any]]:
        """Entries of a COCO results file, of all pictures."""
        return [entry for result in self for entry in result.to_coco()]

    def _only(self, what: str) -> Result:
        if len(self) != 1:
            raise DataError(f"{what}: there are results of {len(self)} pictures; take one of them, as in results[0]")
        return self._results[0]


def free_path(folder: Path, stem: str, suffix: str) -> Path:
    """A path in a folder that no file has: stem and suffix, else with -2, -3, ... between them."""
    path, count = folder / (stem + suffix), 2
    while path.exists():
        path, count = folder / f"{stem}-{count}{suffix}", count + 1
    return path

"""Detection results as NumPy arrays, drawings, COCO entries and `supervision.Detections`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from yolo.data.formats.folders import IMAGE_SUFFIXES
from yolo.errors import DataError, SettingsError
from yolo.visualization.drawing import draw_boxes, write_image

if TYPE_CHECKING:
    import numpy.typing as npt
    import supervision

    from yolo.boxes.detections import Detections
    from yolo.inference.sources.frame import Frame


@dataclass(frozen=True, slots=True, eq=False)
class Result:
    """The objects detected in one image, best first. Axes: N objects.

    Attributes:
        frame: the image, its name and, in a video, its number.
        boxes_xyxy: (N, 4) float32, pixels of the image.
        scores: (N,) float32 in 0..1.
        class_ids: (N,) int64.
        class_names: names of all classes of the network.
    """

    frame: Frame
    boxes_xyxy: npt.NDArray[np.float32]
    scores: npt.NDArray[np.float32]
    class_ids: npt.NDArray[np.int64]
    class_names: tuple[str, ...]

    @classmethod
    def from_detections(cls, frame: Frame, detections: Detections, class_names: tuple[str, ...]) -> Result:
        """Build a result from a detector's tensors."""
        columns = (detections.xyxy, detections.score, detections.class_id)
        boxes_xyxy, scores, class_ids = (column.cpu().numpy() for column in columns)
        return cls(frame, boxes_xyxy, scores, class_ids, class_names)

    def __len__(self) -> int:
        """Return the number of objects."""
        return len(self.scores)

    @property
    def names(self) -> list[str]:
        """The class name of each object."""
        return [self.class_names[class_id] for class_id in self.class_ids]

    def plot(self) -> npt.NDArray[np.uint8]:
        """Return a copy of the image (H, W, 3), BGR, with boxes, names and scores drawn."""
        labels = [f"{name} {score:.2f}" for name, score in zip(self.names, self.scores, strict=True)]
        return draw_boxes(self.frame.image, self.boxes_xyxy, labels, self.class_ids.tolist())

    def save(self, path: str | Path) -> Path:
        """Write the drawn image.

        Args:
            path: an image file, or a folder, in which the file is named like the image.

        Returns:
            The path of the file.
        """
        target = Path(path)
        if target.suffix.lower() not in IMAGE_SUFFIXES:
            target = unused_path(target, self.frame.stem, self.frame.suffix)
        write_image(target, self.plot())
        return target

    def to_coco(self, image_id: int | str | None = None) -> list[dict[str, Any]]:
        """Return entries of a COCO results file: `category_id` is the class id + 1, `bbox` is left, top, width, height.

        Args:
            image_id: id of the image; None: its name without folder and suffix.
        """
        name = self.frame.stem if image_id is None else image_id
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
        """Convert to the `Detections` of the library `supervision`.

        Raises:
            SettingsError: the library is not installed.
        """
        try:
            from supervision import Detections
        except ImportError as error:
            message = "to_supervision(): supervision is not installed; pip install 'darknet-yolo-torch[supervision]'"
            raise SettingsError(message) from error
        data: dict[str, Any] = {"class_name": np.array(self.names, dtype=str)}
        return Detections(xyxy=self.boxes_xyxy, confidence=self.scores, class_id=self.class_ids, data=data)


class Results(Sequence[Result]):
    """A sequence with one `Result` per image; with only one image, its fields and methods are available here too."""

    def __init__(self, results: Sequence[Result]) -> None:
        self._results = tuple(results)

    @overload
    def __getitem__(self, index: int) -> Result: ...
    @overload
    def __getitem__(self, index: slice) -> Results: ...
    def __getitem__(self, index: int | slice) -> Result | Results:
        return Results(self._results[index]) if isinstance(index, slice) else self._results[index]

    def __len__(self) -> int:
        """Return the number of images."""
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
        """Return the only image with boxes drawn."""
        return self._only("plot()").plot()

    def to_supervision(self) -> supervision.Detections:
        """Convert the only image's result to `supervision.Detections`."""
        return self._only("to_supervision()").to_supervision()

    def save(self, path: str | Path) -> list[Path]:
        """Write all drawn images into a folder, or the only image to a file; return the paths."""
        if Path(path).suffix.lower() in IMAGE_SUFFIXES:
            return [self._only("save(file)").save(path)]
        return [result.save(path) for result in self]

    def to_coco(self) -> list[dict[str, Any]]:
        """Return the entries of a COCO results file for all images."""
        return [entry for result in self for entry in result.to_coco()]

    def _only(self, attribute: str) -> Result:
        if len(self) != 1:
            raise DataError(f"{attribute}: there are results of {len(self)} images; select one, for example results[0]")
        return self._results[0]


def unused_path(folder: Path, stem: str, suffix: str) -> Path:
    """Return the first of STEM.SUFFIX, STEM-2.SUFFIX, STEM-3.SUFFIX, ... that does not exist in a folder."""
    path, count = folder / (stem + suffix), 2
    while path.exists():
        path, count = folder / f"{stem}-{count}{suffix}", count + 1
    return path

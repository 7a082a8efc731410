import json
from pathlib import Path

from tests.evaluation.splits import flat_detections, image_record
from yolo.data.index import Index
from yolo.evaluation.result_files import write_coco_results, write_label_files

INDEX = Index.from_records(
    ["a", "b"], [image_record([[0, 0, 20, 20], [100, 100, 120, 120]], [0, 1], [False, True]), image_record([], [])]
)
DETECTIONS = flat_detections(
    [
        (0, [0, 0, 20, 18], 0.9, 1),  # on a label of another class
        (0, [100, 100, 120, 120], 0.9, 1),  # on an ignored box
        (0, [50, 60, 90, 100], 0.7, 1),
        (1, [-10, 0, 250, 200], 0.6, 0),  # reaches outside the image
    ]
)


def rows(path: Path) -> list[tuple[int, list[float]]]:
    return [
        (int(line.split()[0]), [round(200 * float(number), 4) for number in line.split()[1:]])
        for line in path.read_text().splitlines()
    ]


def test_coco_results(tmp_path: Path) -> None:
    write_coco_results(tmp_path / "d.json", DETECTIONS, [7, 9], [1, 90])
    got = json.loads((tmp_path / "d.json").read_text())
    assert got[2] == {"image_id": 7, "category_id": 90, "bbox": [50, 60, 40, 40], "score": 0.7}
    assert [(row["image_id"], row["category_id"]) for row in got] == [(7, 90), (7, 90), (7, 90), (9, 1)]


def test_label_files(tmp_path: Path) -> None:
    write_label_files(tmp_path, INDEX, DETECTIONS)
    assert rows(tmp_path / "image.txt") == [
        (1, [10, 9, 20, 18]),
        (1, [110, 110, 20, 20]),
        (1, [70, 80, 40, 40]),
    ]
    assert rows(tmp_path / "image-2.txt") == [(0, [100, 100, 200, 200])]  # both images have the same name


def test_hybrid_files_have_labels_first_then_detections_of_unlabelled_objects(tmp_path: Path) -> None:
    write_label_files(tmp_path, INDEX, DETECTIONS, with_gt=True)
    assert rows(tmp_path / "image.txt") == [(0, [10, 10, 20, 20]), (1, [70, 80, 40, 40])]
    assert rows(tmp_path / "image-2.txt") == [(0, [100, 100, 200, 200])]

import json
from pathlib import Path

from tests.evaluation.metrics.test_coco_metrics import flat, record
from yolo.data.index import Index
from yolo.evaluation.result_files import write_coco_results, write_label_files

INDEX = Index.from_records(
    ["a", "b"], [record([[0, 0, 20, 20], [100, 100, 120, 120]], [0, 1], [False, True]), record([], [])]
)
FOUND = flat(
    [
        (0, [0, 0, 20, 18], 0.9, 1),  # on a label, of another class
        (0, [100, 100, 120, 120], 0.9, 1),  # on what is ignored
        (0, [50, 60, 90, 100], 0.7, 1),
        (1, [-10, 0, 250, 200], 0.6, 0),  # reaches out of the image
    ]
)


def rows(path: Path) -> list[tuple[int, list[float]]]:
    return [
        (int(line.split()[0]), [round(200 * float(number), 4) for number in line.split()[1:]])
        for line in path.read_text().splitlines()
    ]


def test_coco_results(tmp_path: Path) -> None:
    write_coco_results(tmp_path / "d.json", FOUND, [7, 9], [1, 90])
    got = json.loads((tmp_path / "d.json").read_text())
    assert got[2] == {"image_id": 7, "category_id": 90, "bbox": [50, 60, 40, 40], "score": 0.7}
    assert [(row["image_id"], row["category_id"]) for row in got] == [(7, 90), (7, 90), (7, 90), (9, 1)]


def test_label_files(tmp_path: Path) -> None:
    write_label_files(tmp_path, INDEX, FOUND)
    assert rows(tmp_path / "image.txt") == [
        (1, [10, 9, 20, 18]),
        (1, [110, 110, 20, 20]),
        (1, [70, 80, 40, 40]),
    ]
    assert rows(tmp_path / "image-2.txt") == [(0, [100, 100, 200, 200])]  # both images have one name


def test_labels_come_first_and_detections_of_the_rest_follow(tmp_path: Path) -> None:
    write_label_files(tmp_path, INDEX, FOUND, with_truth=True)
    assert rows(tmp_path / "image.txt") == [(0, [10, 10, 20, 20]), (1, [70, 80, 40, 40])]
    assert rows(tmp_path / "image-2.txt") == [(0, [100, 100, 200, 200])]

from typing import Literal

import pytest

from yolo.config.test_settings import TestSettings as Settings  # pytest collects names that begin with Test
from yolo.errors import SettingsError


@pytest.mark.parametrize(
    ("metric", "net_wh", "img_size", "fit", "conf_thres", "iou_thres"),
    [
        ("coco", (320, 256), 320, "letterbox", 0.001, 0.6),
        ("voc", (320, 320), 320, "letterbox", 0.001, 0.6),
        ("darknet", (320, 320), 320, "stretch", 0.005, 0.45),
        ("darknet", (320, 256), None, "stretch", 0.005, 0.45),  # width and height of the cfg
    ],
)
def test_defaults_of_a_metric(
    metric: Literal["coco", "voc", "darknet"],
    net_wh: tuple[int, int],
    img_size: int | None,
    fit: str,
    conf_thres: float,
    iou_thres: float,
) -> None:
    settings = Settings(weights="a.weights", metric=metric).resolved(*net_wh)
    assert (settings.img_size, settings.fit) == (img_size, fit)
    assert (settings.conf_thres, settings.iou_thres) == (conf_thres, iou_thres)


def test_given_values_are_kept() -> None:
    settings = Settings(
        weights="a.weights",
        metric="darknet",
        img_size=96,
        fit="letterbox",
        conf_thres=0.0,
        iou_thres=0.7,
        split="extra",
    ).resolved(320, 256)
    assert (settings.img_size, settings.fit, settings.conf_thres, settings.iou_thres) == (96, "letterbox", 0.0, 0.7)
    assert settings.split == "extra"


@pytest.mark.parametrize(("task", "split"), [("val", "val"), ("test", "test"), ("study", "val")])
def test_split_of_a_task(task: Literal["val", "test", "study"], split: str) -> None:
    assert Settings(weights="a.weights", task=task).resolved(320, 320).split == split


def test_folder_is_needed_unless_nothing_is_written() -> None:
    assert Settings(weights="a").has_folder
    assert not Settings(weights="a", nosave=True).has_folder
    assert Settings(weights="a", nosave=True, save_txt=True).has_folder


def test_iou_threshold_of_a_match_lies_between_0_and_1() -> None:
    with pytest.raises(SettingsError, match="--match-iou 1"):
        Settings(weights="a", metric="voc", match_iou=1.0)

import pytest

from yolo.config.augment_settings import AugmentSettings
from yolo.errors import SettingsError


@pytest.mark.parametrize(
    ("name", "value", "limit"),
    [
        ("mosaic", 1.5, "0..1"),
        ("degrees", -1, "0..180"),
        ("scale", 1, "0..0.9"),
        ("shear", 90, "0..45"),
        ("perspective", 0.01, "0..0.001"),
        ("resize", 0.2, "0.5..2"),
    ],
)
def test_a_setting_out_of_range_is_named(name: str, value: float, limit: str) -> None:
    with pytest.raises(SettingsError) as error:
        AugmentSettings(**{name: value})
    assert str(error.value) == f"augment.{name}: {value} is out of range; use {limit}"


@pytest.mark.parametrize(
    ("jitter", "resize", "most"),
    [
        (0.5, 1.0, "0.47"),  # two sides of 0.5 meet
        (0.4, 1.5, "0.30"),  # 1 / 1.5 less 0.05, for two sides, rounded down
        (0.5, 0.7, "0.47"),  # below 1 only leads out
    ],
)
def test_a_crop_that_could_leave_nothing_is_refused(jitter: float, resize: float, most: str) -> None:
    with pytest.raises(SettingsError, match=f"could cut a whole image off; use at most {most}"):
        AugmentSettings(jitter=jitter, resize=resize)
    assert AugmentSettings(jitter=float(most), resize=resize).jitter == float(most)


def test_without_mosaic_nothing_else_changes() -> None:
    before = AugmentSettings(mosaic=1, mosaic9=0.5, mixup=0.2, degrees=3, fliplr=0.1)
    assert before.without_mosaic() == AugmentSettings(mosaic=0, degrees=3, fliplr=0.1)


def test_new_kinds_are_off_unless_asked_for() -> None:
    default = AugmentSettings()
    off = ("perspective", "jitter", "mosaic9", "mixup", "blur", "noise", "cutout")
    assert [getattr(default, name) for name in off] == [0] * len(off)
    assert default.resize == 1

import pytest

from yolo.errors import SettingsError, require_img_size


def test_sides_of_32_px_or_none_are_allowed() -> None:
    require_img_size()
    require_img_size(None, 32, 640)


@pytest.mark.parametrize(
    ("sides", "flag", "message"),
    [
        ((31,), "--img-size", "--img-size 31: use 32 or more"),
        ((100_000,), "--img-size", "--img-size 100000: use 16384 or less"),
        ((320, None, 16), "--study-sizes", "--study-sizes 320 16: use 32 or more"),
    ],
)
def test_other_sides_are_refused(sides: tuple[int | None, ...], flag: str, message: str) -> None:
    with pytest.raises(SettingsError) as error:
        require_img_size(*sides, flag=flag)
    assert str(error.value) == message

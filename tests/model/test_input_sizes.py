from __future__ import annotations

import pytest

from yolo.darknet.cfg_file import CfgFile
from yolo.errors import SettingsError
from yolo.model.graph import plan
from yolo.model.input_sizes import input_size


@pytest.mark.parametrize("size", [33, 100])
def test_a_side_at_which_the_layers_do_not_fit_together_is_refused(size: int) -> None:
    graph = plan(CfgFile.read("yolov3-tiny"))
    below, above = size // 32 * 32, size // 32 * 32 + 32
    with pytest.raises(
        SettingsError, match=f"--img-size {size}: does not suit .*use a multiple of 32.* {below} or {above}"
    ):
        input_size(graph, size, any_multiple=False)
    assert input_size(graph, above, any_multiple=False) == above
    assert input_size(graph, None, any_multiple=False) == 416

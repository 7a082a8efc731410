from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from yolo.engine.loggers.tensorboard import TensorBoard


def events(folder: Path) -> EventAccumulator:
    read = EventAccumulator(str(folder))
    read.Reload()
    return read


def test_scalars_settings_and_images_are_written(tmp_path: Path) -> None:
    board = TensorBoard(tmp_path)
    assert board.open(epoch=0, run_id="") == ""
    board.log_settings({"epochs": 3, "cfg": "a.cfg"})
    board.log({"train/box": 0.5, "grad_norm": 2.0}, 1)
    board.log({"train/box": 0.25}, 2)
    board.log_image("pr_curve", np.zeros((20, 30, 3), np.uint8), 2)
    board.close(failed=False)
    read = events(tmp_path)
    assert [(e.step, e.value) for e in read.Scalars("train/box")] == [(1, 0.5), (2, 0.25)]
    (image,) = read.Images("pr_curve")
    assert (image.step, image.width, image.height) == (2, 30, 20)
    (text,) = read.Tensors("settings/text_summary")
    assert b"| epochs | 3 |\n| cfg | a.cfg |" in text.tensor_proto.string_val[0]


def test_epochs_trained_again_replace_the_earlier_ones(tmp_path: Path) -> None:
    for start, value in ((0, 1.0), (1, 2.0)):
        board = TensorBoard(tmp_path)
        board.open(epoch=start, run_id="")
        for epoch in range(start + 1, 4):
            board.log({"x": value}, epoch)
        board.close(failed=True)
    assert [e.value for e in events(tmp_path).Scalars("x")] == pytest.approx([1, 2, 2])

from __future__ import annotations

import pytest
import torch
from torch._dynamo.exc import TorchDynamoException

from yolo.config.size_settings import SizeSettings
from yolo.config.train_settings import ModelSettings, TrainSettings
from yolo.errors import SettingsError
from yolo.training.out_of_memory import explain_errors

OUT_OF_MEMORY = torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            TrainSettings(batch_size=64),
            "--batch-size 64: out of memory (saved files are complete); use --batch-size 32, --batch-size auto, "
            "--grad-checkpoint, --precision bf16, a smaller --img-size, or a smaller network",
        ),
        (
            TrainSettings(
                batch_size=1,
                model=ModelSettings(grad_checkpoint=True),
                precision="fp16",
                sizes=SizeSettings(multi_scale=(0.5, 1.5)),
            ),
            "--batch-size 1: out of memory (saved files are complete); use a smaller --img-size, "
            "a lower HIGH of --multi-scale, or a smaller network",
        ),
    ],
)
def test_out_of_memory_is_one_line_with_the_remedies_not_yet_used(settings: TrainSettings, message: str) -> None:
    with pytest.raises(SettingsError) as caught, explain_errors(settings):
        raise OUT_OF_MEMORY
    assert str(caught.value) == message


def test_a_compile_error_is_one_line_with_a_remedy() -> None:
    with (
        pytest.raises(SettingsError, match=r"^--compile: the network cannot be compiled \(first line\); leave out --c"),
        explain_errors(TrainSettings(model=ModelSettings(compile=True))),
    ):
        raise TorchDynamoException("\nfirst line\nsecond line")


def test_other_errors_are_raised_unchanged() -> None:
    with pytest.raises(RuntimeError, match="shapes"), explain_errors(TrainSettings()):
        raise RuntimeError("shapes do not fit")

import time

import torch
from torch import nn

from yolo.evaluation.speed import Speed, Stopwatch


class Slow(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))

    def forward(self) -> torch.Tensor:
        time.sleep(0.02)
        return self.weight


def test_time_is_split_at_the_forward_calls() -> None:
    model = Slow()
    watch = Stopwatch(model)
    start = time.perf_counter()
    with watch.running():
        for _ in range(2):
            time.sleep(0.01)
            model()
            model()  # a second view of the same images
            time.sleep(0.03)
            watch.end_batch()
        whole = time.perf_counter() - start
    speed = watch.speed(num_images=4)
    assert speed.load >= 5
    assert speed.forward >= 20
    assert speed.nms >= 15
    assert speed.total <= 1000 * whole / 4
    assert not model._forward_hooks
    assert not model._forward_pre_hooks


def test_text() -> None:
    text = str(Speed(load=1.25, forward=10, nms=2, num_images=3))
    assert text == "load 1.2, forward 10.0, NMS 2.0: 13.2 ms per image over 3 images"

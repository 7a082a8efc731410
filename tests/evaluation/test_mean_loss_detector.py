"""The loss of a split beside its detections."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.distributed.ranks import run_ranks
from yolo import distributed
from yolo.config.loss_settings import LossName, LossSettings
from yolo.darknet.cfg_file import CfgFile
from yolo.data.sample import Batch, Letterbox
from yolo.evaluation.evaluation_loader import build_evaluation_detector
from yolo.evaluation.mean_loss_detector import AFTER_WARM_UP, MeanLossDetector
from yolo.losses.registry import build_loss
from yolo.model.network import Darknet

SIDE = 64
SHAPES = CfgFile.read("shapes").text
REGION = """[net]
width=64
height=64
[convolutional]
filters=16
size=3
stride=32
pad=1
activation=linear
[region]
anchors=1,1, .5,.5
num=2
classes=3
coords=4
softmax=1
"""


def images(*image_ids: int) -> Batch:
    """Return images of noise with two boxes each, all of them a function of their number."""
    pixels, targets = [], []
    for position, image_id in enumerate(image_ids):
        rng = np.random.default_rng(image_id)
        pixels.append(torch.from_numpy(rng.integers(0, 256, (3, SIDE, SIDE), dtype=np.uint8)))
        boxes = [[position, rng.integers(3), *rng.uniform(0.3, 0.7, 2), *rng.uniform(0.1, 0.5, 2)] for _ in range(2)]
        targets.append(torch.tensor(boxes, dtype=torch.float32))
    letterbox = Letterbox(1, 1, 0, 0, SIDE, SIDE)
    return Batch(torch.stack(pixels), torch.cat(targets), image_ids, (letterbox,) * len(image_ids))


def build(cfg: str, name: LossName) -> MeanLossDetector:
    torch.manual_seed(0)
    model = Darknet.from_cfg(CfgFile.parse(cfg, "test.cfg")).eval()
    return MeanLossDetector(build_evaluation_detector(model), build_loss(LossSettings(loss=name), model))


@pytest.mark.parametrize(
    ("cfg", "name"),
    [(SHAPES, "shape-match"), (SHAPES, "cost-match"), (SHAPES, "darknet"), (REGION, "darknet")],
    ids=["shape-match", "cost-match", "darknet", "region"],
)
def test_losses_are_those_of_training_and_detections_those_without(cfg: str, name: LossName) -> None:
    detector = build(cfg, name)
    model = detector.model
    batches = [images(0, 1, 2), images(3)]
    found = [each for batch in batches for each in detector(batch.filled(3))]
    expected = [each for batch in batches for each in build_evaluation_detector(model)(batch.filled(3))]
    assert sum(len(each) for each in found) > 0
    for mine, other in zip(found, expected, strict=True):
        assert all(map(torch.equal, (mine.xyxy, mine.score, mine.class_id), (other.xyxy, other.score, other.class_id)))
    loss = build_loss(LossSettings(loss=name), model)
    first, last = (
        loss(model(batch.images / 255), batch.targets, (SIDE, SIDE), images_seen=AFTER_WARM_UP) for batch in batches
    )
    means = {term: (3 * first[term].item() + last[term].item()) / 4 for term in first}
    assert detector.mean_losses() == pytest.approx(means, rel=1e-4)  # batches of another size are rounded differently
    assert min(means.values()) > 0


def mean_losses_of_ranks(num_images: int) -> dict[str, float]:
    """Return the losses of a split of which each rank sees its own images, one at a time."""
    detector = build(SHAPES, "shape-match")
    for image_id in range(distributed.rank(), num_images, distributed.world_size()):
        detector(images(image_id))
    return detector.mean_losses()


def uneven_splits() -> list[dict[str, float]]:
    return [mean_losses_of_ranks(3), mean_losses_of_ranks(1)]


def test_processes_with_different_numbers_of_batches_report_the_mean_over_all_images() -> None:
    expected = uneven_splits()  # the second split leaves the last process without an image
    for found in run_ranks(uneven_splits, 2):
        for mine, other in zip(found, expected, strict=True):
            assert mine == pytest.approx(other, rel=1e-6)

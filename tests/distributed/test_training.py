"""N processes with b images each train like one process with N * b images."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tests.distributed.ranks import run_ranks
from yolo import distributed
from yolo.config.loss_settings import LossName, LossSettings
from yolo.darknet.cfg_file import CfgFile
from yolo.data.sample import Batch
from yolo.distributed.sync_batch_norm import convert_sync_batch_norm
from yolo.engine.ema import ModelEma
from yolo.engine.freeze import Freeze
from yolo.engine.lr_policies import constant
from yolo.engine.optimizer import build_optimizer
from yolo.engine.precision import Precision
from yolo.engine.schedule import Schedule
from yolo.engine.trainer import Trainer
from yolo.losses.registry import build_loss
from yolo.model.network import Darknet

WORLD_BATCH = 8
SIDE = 32


class Images:
    """This rank's share of random batches; the boxes are distributed unevenly."""

    def __init__(self, num_batches: int) -> None:
        self.num_batches = num_batches

    def __len__(self) -> int:
        return self.num_batches

    def __iter__(self) -> Iterator[Batch]:
        rank, world = distributed.rank(), distributed.world_size()
        for number in range(self.num_batches):
            rng = np.random.default_rng(number)
            images = torch.from_numpy(rng.integers(0, 256, (WORLD_BATCH, 3, SIDE, SIDE), dtype=np.uint8))
            boxes = torch.from_numpy(rng.uniform(0.2, 0.8, (WORLD_BATCH * 3, 6)).astype(np.float32))
            boxes[:, 0] = torch.from_numpy(rng.integers(0, WORLD_BATCH // 2, len(boxes)))  # half of them are empty
            boxes[:, 1] = torch.from_numpy(rng.integers(0, 6, len(boxes)))
            own = images[rank::world]
            targets = boxes[boxes[:, 0] % world == rank].clone()
            targets[:, 0] = targets[:, 0].div(world, rounding_mode="floor")
            yield Batch(own, targets, tuple(range(len(own))), ())

    def set_epoch(self, epoch: int, record: Mapping[str, float]) -> None: ...

    def skip(self, batches: int) -> None: ...


def network(loss: LossName) -> tuple[Darknet, Any]:
    torch.manual_seed(0)
    model = Darknet.from_cfg(CfgFile.read("shapes"))
    if distributed.world_size() > 1:
        convert_sync_batch_norm(model)
    model.double()
    return model, build_loss(LossSettings(loss=loss), model)


def trained(
    loss: LossName, steps: int, accumulate: int, checkpointing: bool, thaw: int | None
) -> tuple[list[Tensor], dict[str, float], int]:
    """Train for a number of micro-batches; return weights and statistics, the record, and the images seen."""
    model, criterion = network(loss)
    if checkpointing:
        model.gradient_checkpointing_enable()

    def compute_loss(model: nn.Module, batch: Batch, images_seen: int, epoch: float) -> dict[str, Tensor]:
        terms: dict[str, Tensor] = criterion(model(batch.images.double() / 255), batch.targets.double(), (SIDE, SIDE))
        return terms

    epochs = 1 if thaw is None else 2
    frozen = [] if thaw is None else [model.layers[index] for index in range(4)]
    run = Trainer(
        model=model,
        compute_loss=compute_loss,
        loader=Images(steps // epochs),
        optimizer=build_optimizer(model, "sgd", lr=1e-3, momentum=0.9, weight_decay=5e-4),
        schedule=Schedule(
            epochs=epochs, policy=constant, burn_in=0, lr=1e-3, momentum=0.9, weight_decay=5e-4, accumulate=accumulate
        ),
        precision=Precision("fp32", torch.device("cpu")),
        ema=ModelEma(model),
        freeze=Freeze(frozen, thaw),
        replica=distributed.replicate(model, static=accumulate == 1),
    )
    run.train()
    distributed.check_equal(model, "after training")
    return [value.detach().clone() for value in model.state_dict().values()], run.record, run.state.images_seen


CASES: dict[str, tuple[LossName, int, int, bool, int | None]] = {
    "plain": ("shape-match", 20, 1, False, None),
    "darknet's loss": ("darknet", 20, 1, False, None),
    "task-aligned": ("task-aligned", 8, 1, False, None),
    "accumulation": ("shape-match", 7, 3, False, None),
    "gradient checkpointing": ("shape-match", 4, 1, True, None),
    "thaw": ("shape-match", 8, 1, False, 1),
}


@pytest.mark.parametrize("case", CASES)
def test_processes_train_like_one(case: str) -> None:
    single, record, seen = trained(*CASES[case])
    for world in (2, 4) if case == "plain" else (2,):
        for weights, rank_record, rank_seen in run_ranks(trained, world, *CASES[case]):
            worst = max(float((a - b).abs().max()) for a, b in zip(single, weights, strict=True))
            assert worst < 1e-9, (case, world, worst)
            assert rank_seen == seen
            assert rank_record == pytest.approx(record, rel=1e-5)

from __future__ import annotations

import logging
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from yolo.config.optimizer_settings import OptimizerSettings
from yolo.config.schedule_settings import ScheduleSettings
from yolo.config.train_settings import FreezeSettings, TrainSettings
from yolo.darknet.cfg_file import CfgFile
from yolo.darknet.net_section import NetSection
from yolo.engine.schedule import Schedule
from yolo.errors import SettingsError
from yolo.model.network import Darknet
from yolo.training.build_optimizer import build_run_optimizer
from yolo.training.build_schedule import Phase, build_schedule, follow_net, split_into_phases

NET = NetSection(
    width=32,
    height=32,
    batch=64,
    subdivisions=16,
    learning_rate=0.002,
    momentum=0.8,
    decay=0.001,
    burn_in=10,
    max_batches=100,
    policy="steps",
    steps=(50, 80),
    scales=(0.1, 0.5),
)


def settings(batch_size: int = 16, **policy: Any) -> TrainSettings:
    optimization = OptimizerSettings(optimizer="sgd")
    return TrainSettings(
        epochs=10, batch_size=batch_size, optimization=optimization, schedule=ScheduleSettings(**policy)
    )


def schedule_of(run: TrainSettings, net: NetSection, batches: int, images: int, epochs: int = 10) -> Schedule:
    phase = Phase(
        epochs=epochs, batch_size=run.images_per_batch, batches=batches, images=images, lr=run.optimization.lr
    )
    return build_schedule(phase, run.schedule, run.optimization, net, run.seed)


@pytest.mark.parametrize(
    ("policy", "burn_in"),
    [
        ({}, 1.0),  # a tenth of the run
        ({"burn_in_fraction": 0.5}, 5.0),  # 500 batches
        ({"burn_in_epochs": 2.5}, 2.5),
        ({"burn_in_batches": 50}, 0.5),
        ({"burn_in_epochs": 0.0}, 0.0),
        ({"burn_in_batches": 1000}, 10.0),
    ],
)
def test_length_of_burn_in(policy: dict[str, Any], burn_in: float) -> None:
    assert schedule_of(settings(**policy), NET, 100, 1600).burn_in == burn_in


def test_a_burn_in_longer_than_the_run_is_an_error() -> None:
    with pytest.raises(SettingsError, match="--burn-in-batches 1001: the run has 1000; use fewer"):
        schedule_of(settings(burn_in_batches=1001), NET, 100, 1600)


@pytest.mark.parametrize(
    ("batch_size", "batches", "scale_lr", "accumulate", "lr", "decay"),
    [
        (16, 100_000, False, 4, 0.01, 0.0005),
        (16, 100_000, True, 4, 0.01, 0.0005),  # a step has the nominal size already
        (256, 100_000, True, 1, 0.04, 0.002),
        (256, 100_000, False, 1, 0.01, 0.002),
        (16, 100, True, 1, 0.0025, 0.000125),  # too short to accumulate
    ],
)
def test_learning_rate_and_weight_decay_scale_with_images_per_step(
    batch_size: int, batches: int, scale_lr: bool, accumulate: int, lr: float, decay: float
) -> None:
    schedule = schedule_of(settings(batch_size, scale_lr=scale_lr), NET, batches, batches * 16)
    assert schedule.accumulate == accumulate
    assert (schedule.lr, schedule.weight_decay) == pytest.approx((lr, decay))


def test_the_schedule_of_the_cfg() -> None:
    schedule = schedule_of(settings(4, schedule="cfg"), NET, 160, 640)  # a hundred batches of 64
    assert (schedule.accumulate, schedule.momentum_at(0), schedule.weight_decay_at(0)) == (16, 0.8, 0.001)
    rates = [schedule.lr_at(batch / 10, bias=bool(batch % 2)) for batch in range(100)]
    expected = [0.002 * ((n / 10) ** 4 if n < 10 else 1 if n < 50 else 0.1 if n < 80 else 0.05) for n in range(1, 101)]
    assert rates == pytest.approx(expected, rel=1e-6)


def test_an_unknown_policy_is_constant_with_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        schedule = schedule_of(settings(schedule="cfg"), replace(NET, policy="cosine"), 40, 640)
    assert schedule.lr_at(9.9, bias=False) == pytest.approx(0.002)
    assert "[net]: policy=cosine is none of constant, step, " in caplog.text


def test_cfg_batches_gives_epochs_and_batch_size() -> None:
    followed = follow_net(settings(schedule="cfg", cfg_batches=True), NET, num_images=1000)
    assert (followed.epochs, followed.batch_size) == (7, 4)  # 6,400 images
    assert follow_net(settings(schedule="cfg"), NET, 1000).epochs == 10
    with pytest.raises(SettingsError, match="--cfg-batches: the cfg's \\[net\\] has no max_batches"):
        follow_net(settings(schedule="cfg", cfg_batches=True), replace(NET, max_batches=0), 1000)


def model(folder: Path, net: str, keys: str = "") -> Darknet:
    cfg = folder / "a.cfg"
    cfg.write_text(f"[net]\nwidth=8\nheight=8\n{net}\n[convolutional]\n{keys}\n[convolutional]\n")
    return Darknet.from_cfg(CfgFile.read(cfg))


@pytest.mark.parametrize(
    ("net", "chosen", "kind", "values"),
    [
        ("", {}, "SGD", {"nesterov": False}),  # Darknet's momentum is plain
        ("", {"optimizer_args": {"nesterov": True}}, "SGD", {"nesterov": True}),
        ("adam=1\nB1=0.85\nB2=0.99\neps=0.001", {}, "Adam", {"betas": (0.85, 0.99), "eps": 0.001}),
        ("", {"optimizer": "adamw"}, "AdamW", {"betas": (0.9, 0.999)}),
    ],
)
def test_the_optimizer_of_the_cfg(
    tmp_path: Path, net: str, chosen: dict[str, object], kind: str, values: dict[str, object]
) -> None:
    run = replace(settings(schedule="cfg"), optimization=OptimizerSettings(**{"optimizer": "sgd", **chosen}))  # type: ignore[arg-type]
    network = model(tmp_path, net)
    optimizer = build_run_optimizer(run, network, schedule_of(run, network.net, 40, 640), 640)
    assert type(optimizer).__name__ == kind
    assert {key: optimizer.param_groups[0][key] for key in values} == values


@pytest.mark.parametrize(
    ("policy", "net", "start"),
    [
        ({"burn_in_epochs": 2.0}, "batch=64\nburn_in=1000", 1.8),  # 900 of 1000: nine tenths of this run's burn-in
        ({"burn_in_epochs": 0.0}, "batch=64\nburn_in=1000", 90.0),  # 57,600 images
        ({"schedule": "cfg"}, "batch=64\nburn_in=1000", 90.0),
        ({"burn_in_epochs": 2.0}, "batch=64", 90.0),
    ],
)
def test_stopbackward_is_counted_in_burn_ins_where_both_have_one(
    tmp_path: Path, policy: dict[str, Any], net: str, start: float
) -> None:
    run, network = settings(**policy), model(tmp_path, net, "stopbackward=900")
    optimizer = build_run_optimizer(run, network, schedule_of(run, network.net, 40, 640, epochs=100), 640)
    starts = {group["start"] for group in optimizer.param_groups}
    assert len(starts) == 2
    assert math.isclose(max(starts), start)


def test_a_run_with_frozen_layers_has_two_phases() -> None:
    freezing = FreezeSettings(freeze="backbone", freeze_epochs=3, freeze_batch_size=32, freeze_lr0=0.1)
    first, then = split_into_phases(replace(settings(16), freezing=freezing), 640, lambda size: 640 // size)
    assert (first.epochs, first.batch_size, first.batches, first.lr) == (3, 32, 20, 0.1)
    assert (then.epochs, then.batch_size, then.batches, then.lr) == (7, 16, 40, 0.01)

"""Verdicts on made-up histories, each with the noise that epochs of small validation splits have."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from yolo.training.verdict import judge

Values = npt.NDArray[np.float64]
Rows = list[dict[str, float]]
SEEDS = range(5)


def history(
    fitness: Values, train: Values, val: Values, *, noise: float = 0.005, seed: int = 0, steps: int = 50
) -> Rows:
    """Return rows with these values plus noise: of the fitness absolute, of the losses relative."""
    rng = np.random.default_rng(seed)
    scores = np.clip(fitness + noise * rng.standard_normal(len(fitness)), 0, 1)
    train, val = (loss * (1 + noise * rng.standard_normal(len(loss))) for loss in (train, val))
    return [
        {
            "epoch": epoch,
            "step": steps * epoch,
            "train/box": 0.4 * train[epoch - 1],
            "train/objectness": 0.6 * train[epoch - 1],
            "val/box": 0.4 * val[epoch - 1],
            "val/objectness": 0.6 * val[epoch - 1],
            "metrics/mAP50": scores[epoch - 1] * 1.2,
            "metrics/mAP50-95": scores[epoch - 1] * 0.8,
            "lr/weights": 0.01,
        }
        for epoch in range(1, len(fitness) + 1)
    ]


def settled(epochs: int, high: float = 0.6) -> Values:
    """Return values that rise to `high` within the first half."""
    return high * (1 - np.exp(-12 * np.arange(1, epochs + 1) / epochs))


def falling(epochs: int) -> Values:
    return 4 + 6 * np.exp(-4 * np.arange(epochs) / epochs)


def valley(epochs: int, lowest: int, rise: float) -> Values:
    """Return a loss that falls to 5 at an epoch, then rises by a share until the last one."""
    epoch = np.arange(1, epochs + 1)
    after = np.clip((epoch - lowest) / (epochs - lowest), 0, None)
    return 5 * (1 + 0.5 * np.clip(1 - epoch / lowest, 0, None) ** 2 + rise * after)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("epochs", [10, 30, 100, 300])
def test_a_run_that_has_levelled_off_is_fine(epochs: int, seed: int) -> None:
    rows = history(settled(epochs), falling(epochs), falling(epochs) + 1, noise=0.01, seed=seed)
    assert judge(rows, "").startswith("fine:")


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("epochs", [30, 100, 300])
def test_a_rising_validation_loss_under_a_falling_training_loss_is_overfitting(epochs: int, seed: int) -> None:
    lowest = epochs // 3
    rows = history(settled(epochs), falling(epochs), valley(epochs, lowest, 0.25), noise=0.01, seed=seed)
    text = judge(rows, "")
    assert text.startswith("overfits from epoch ")
    assert abs(int(text.split()[3].rstrip(":")) - lowest) <= 0.1 * epochs
    assert "use more images or more augmentation" in text


def test_earlier_is_advised_where_the_best_epoch_is_not_among_the_last() -> None:
    epochs = np.arange(1, 61)
    scores = settled(60) - 0.004 * np.clip(epochs - 25, 0, None)
    text = judge(history(scores, falling(60), valley(60, 20, 0.3), noise=0), "")
    assert "stop earlier (--epochs 25), or use more images" in text
    assert "stop earlier" not in judge(history(settled(60), falling(60), valley(60, 20, 0.3), noise=0), "")


@pytest.mark.parametrize("seed", SEEDS)
def test_both_losses_rising_is_no_overfitting(seed: int) -> None:
    train = valley(40, 15, 0.4) + 1
    text = judge(history(settled(40), train, valley(40, 15, 0.4), noise=0.01, seed=seed), "")
    assert text.startswith("diverges from epoch 1")
    assert "lower --lr0" in text


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("epochs", [3, 4, 5, 6, 10, 40])
def test_a_fitness_that_still_rises_is_not_converged(epochs: int, seed: int) -> None:
    scores = 0.6 * np.arange(1, epochs + 1) / epochs
    text = judge(history(scores, falling(epochs), falling(epochs), seed=seed), f"--epochs {2 * epochs}")
    assert text.startswith("not converged: fitness rose by 0.")
    assert text.endswith(f"train longer: --epochs {2 * epochs}")


def test_rising_fitness_and_validation_loss_are_both_reported() -> None:
    text = judge(history(np.linspace(0.3, 0.7, 40), falling(40), valley(40, 15, 0.4)), "--epochs 80")
    assert "train longer: --epochs 80. It also overfits from epoch 1" in text


@pytest.mark.parametrize("seed", SEEDS)
def test_noise_alone_is_no_rise(seed: int) -> None:
    """Scores of a small split scatter by more than the least gain, and losses by more than half of the least rise."""
    flat = np.full(50, 0.4)
    rows = history(flat, 5 * np.ones(50), 6 * np.ones(50), noise=0.04, seed=seed)
    assert judge(rows, "").startswith("fine:")


def test_losses_of_a_network_that_knows_little_yet_do_not_count() -> None:
    """At first the objectness loss is low because nothing is found; that is not the epoch from which a run overfits."""
    val = np.where(np.arange(40) < 2, 3.0, falling(40) / 2 + 2)
    assert judge(history(settled(40), falling(40), val), "").startswith("fine:")


@pytest.mark.parametrize(
    ("steps", "begin"), [(50, "learns nothing: mAP is about 0 after 1000"), (5, "mAP is about 0, but 100")]
)
def test_no_score_after_many_steps_is_a_failure(steps: int, begin: str) -> None:
    text = judge(history(np.full(20, 0.001), falling(20), falling(20), noise=0.001, steps=steps), "--epochs 40")
    assert text.startswith(begin)
    assert ("python -m yolo.data check" in text) == (steps == 50)
    assert ("--epochs 40" in text) == (steps == 5)


def test_too_few_epochs() -> None:
    """One epoch tells nothing; some show whether fitness rises, but no plateau."""
    flat = history(np.full(5, 0.4), falling(5), falling(5))
    assert judge([], "") == judge(flat[:1], "") == ""
    assert judge(flat, "--epochs 10") == "too few epochs to judge; train longer: --epochs 10"


def test_epochs_without_finite_numbers_are_left_out() -> None:
    rows = history(settled(30), falling(30), valley(30, 10, 0.3), noise=0)
    text = judge(rows, "")
    broken = [dict(rows[0]), dict(rows[0]), dict(rows[0])]
    broken[0]["val/box"] = float("nan")
    broken[1]["train/box"] = float("inf")
    del broken[2]["metrics/mAP50"]
    assert judge([*rows[:20], *broken, *rows[20:]], "") == text
    unvalidated = [
        {name: value for name, value in row.items() if not name.startswith(("val/", "metrics/"))} for row in rows
    ]
    assert judge([*unvalidated[:-1], rows[-1]], "") == ""  # --notest

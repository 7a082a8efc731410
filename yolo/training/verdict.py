"""The verdict on a run, from the numbers of its epochs: does it learn, has it converged, does it overfit?

Axes: V epochs that were validated.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from yolo.training.validation import fitness

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    Values = npt.NDArray[np.float64]

MIN_EPOCHS = 6  # two means of three epochs each; fewer show a rise, but no plateau
MIN_FITNESS = 0.01  # boxes by chance reach less; a network that has begun to learn soon has more
MIN_STEPS = 500  # optimizer steps, the length of burn-in in long runs: before it ends, mAP may well be 0
MIN_GAIN = 0.01  # of fitness: two seeds differ by as much
MIN_RISE = 0.05  # of a loss, relative: healthy runs end within 2 % of their lowest validation loss
NUM_ERRORS = 3.0  # standard errors of a difference of means; a smaller one may be chance
LEARNT = 0.5  # share of the best fitness: before it, the objectness loss may rise because boxes get better


@dataclass(frozen=True, slots=True)
class History:
    """The numbers of the validated epochs, each (V,)."""

    epoch: Values
    step: Values
    fitness: Values
    train_loss: Values  # sum of the terms
    val_loss: Values

    @classmethod
    def from_rows(cls, rows: Sequence[Mapping[str, float]]) -> History:
        """Read the numbers by name; epochs without finite scores and losses are left out."""
        table = [(row["epoch"], row["step"], fitness(row), _total(row, "train/"), _total(row, "val/")) for row in rows]
        finite = [numbers for numbers in table if all(map(math.isfinite, numbers))]
        return cls(*np.array(finite, np.float64).reshape(-1, 5).T)

    @property
    def span(self) -> int:
        """Number of epochs that a mean is over: a tenth of the run, at least three, at most half of it."""
        return min(max(3, len(self.epoch) // 10), len(self.epoch) // 2)


def judge(rows: Sequence[Mapping[str, float]], longer: str) -> str:
    """Return the verdict on a run in a sentence or two; empty if fewer than two epochs were validated.

    Args:
        rows: the numbers of each epoch by name, as in results.csv.
        longer: how to train longer: "--epochs 200".
    """
    history = History.from_rows(rows)
    if history.span == 0:
        return ""
    if history.fitness.max() < MIN_FITNESS:
        return _judge_failure(int(history.step[-1]), longer)
    gain, rising_loss = _gain_at_end(history), _judge_rising_loss(history)
    if gain:
        text = f"not converged: fitness rose by {gain:.3f} in the last {history.span} epochs; train longer: {longer}"
        return f"{text}. It also {rising_loss}" if rising_loss else text
    if len(history.epoch) < MIN_EPOCHS:
        return f"too few epochs to judge; train longer: {longer}"
    return rising_loss or "fine: fitness has levelled off, and the validation loss has not risen"


def _judge_failure(steps: int, longer: str) -> str:
    if steps < MIN_STEPS:
        return f"mAP is about 0, but {steps} optimizer steps are few; train longer: {longer}"
    return (
        f"learns nothing: mAP is about 0 after {steps} optimizer steps; check the labels (python -m yolo.data check), "
        "the anchors (python -m yolo.anchors) and the learning rate (--lr0)"
    )


def _gain_at_end(history: History) -> float:
    """Return by how much the mean fitness of the last epochs exceeds that of as many before; 0: not clearly."""
    span = history.span
    end = history.fitness[-max(2 * span, len(history.fitness) // 2) :]
    gain = float(end[-span:].mean() - end[-2 * span : -span].mean())
    return gain if gain > max(MIN_GAIN, _error(end, span)) else 0.0


def _judge_rising_loss(history: History) -> str:
    """Return the verdict on a validation loss that has risen since its lowest value; empty if it has not."""
    span = history.span
    scores, train, val = (_smooth(values, span) for values in (history.fitness, history.train_loss, history.val_loss))
    start = int(np.argmax(scores >= LEARNT * scores.max()))
    lowest = start + int(val[start:].argmin())
    rise, error = val[-1] / val[lowest] - 1, _error(history.val_loss[lowest:], span) / val[lowest]
    if len(val) - lowest <= span or rise < max(MIN_RISE, error):
        return ""
    fall = 1 - train[-1] / train[lowest]
    since = f"from epoch {history.epoch[lowest]:.0f}: the validation loss has risen by {rise:.0%} since"
    if fall <= 0:
        return f"diverges {since}, and the training loss has not fallen; lower --lr0, or use --clip-grad-norm 10"
    best = int(history.fitness.argmax())
    earlier = f"stop earlier (--epochs {history.epoch[best]:.0f}), or " if len(scores) - best > span else ""
    return (
        f"overfits {since}, while the training loss fell by {fall:.0%}; {earlier}use more images or more augmentation "
        "(docs/augmentation.md)"
    )


def _total(row: Mapping[str, float], prefix: str) -> float:
    """Return the sum of the loss terms of a prefix; NaN if there are none."""
    terms = [value for name, value in row.items() if name.startswith(prefix)]
    return sum(terms) if terms else math.nan


def _smooth(values: Values, span: int) -> Values:
    """Return running means over `span` values around each; at the ends, over the first and the last of them."""
    means = np.convolve(values, np.full(span, 1 / span), mode="valid")
    return np.pad(means, (span // 2, span - 1 - span // 2), mode="edge")


def _error(values: Values, span: int) -> float:
    """Return how far means over `span` values may lie apart by chance.

    The variance of one value is estimated from second differences, which have six times as much and no trend.
    """
    if len(values) < 3:
        return 0.0
    variance = float(np.square(np.diff(values, 2)).mean()) / 6
    return NUM_ERRORS * math.sqrt(2 * variance / span)

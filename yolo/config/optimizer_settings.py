"""Settings of the optimizer."""

from __future__ import annotations

from dataclasses import dataclass, field

from yolo.errors import require, require_ranges

Argument = int | float | bool | str

DEFAULT_LR0 = {"auto": 0.01, "sgd": 0.01, "muon": 0.06}
DEFAULT_LR0_OF_OTHERS = 0.001


@dataclass(frozen=True, kw_only=True)
class OptimizerSettings:
    """Optimizer, gradient accumulation, and weight averaging (EMA)."""

    optimizer: str = "auto"
    """muon, sgd (Nesterov), adam, adamw, any other of torch.optim, or a Fused one of apex; --adam is short for adam;
    auto: muon in runs of up to 160,000 images without lr0, else sgd."""
    optimizer_args: dict[str, Argument] = field(default_factory=dict)
    """Further arguments of the optimizer: `eps 1e-6 amsgrad True`; in a recipe `{eps: 1.0e-6, amsgrad: true}`."""
    lr0: float | None = None
    """Learning rate after burn-in; default: 0.01 with sgd, 0.06 with muon, 0.001 with any other."""
    momentum: float = 0.937
    """Momentum of SGD, first beta of Adam."""
    weight_decay: float = 0.0005
    """Weight decay of convolutions for nominal_batch_size images per step; scaled in proportion for other numbers."""
    clip_grad_norm: float = 0.0
    """Scale the gradients of a step down to this norm; 0: never."""
    nominal_batch_size: int = 64
    """Images per optimizer step, reached by accumulating batches."""
    min_steps: int = 2000
    """Accumulate less if the run would have fewer optimizer steps than this."""
    ema_decay: float = 0.9999
    """Maximum decay of the averaged weights."""
    ema_fraction: float = 0.05
    """Average the weights over at most this fraction of training; 0: over 1 / (1 - ema_decay) steps at any length."""

    def __post_init__(self) -> None:
        require("--lr0", self.lr, self.lr > 0, "a number above 0")
        require_ranges(self, weight_decay=(0, 1), nominal_batch_size=(1, 65_536), min_steps=(1, 1e9))
        for name, value in self.optimizer_args.items():
            require(f"--optimizer-args {name}", value, is_valid=True, allowed="a finite number")
        require("--momentum", self.momentum, 0 < self.momentum < 1, "a number between 0 and 1")
        require("--clip-grad-norm", self.clip_grad_norm, self.clip_grad_norm >= 0, "0 or more")
        require("--ema-decay", self.ema_decay, 0 <= self.ema_decay < 1, "0 or more, below 1")
        require("--ema-fraction", self.ema_fraction, 0 <= self.ema_fraction <= 1, "a fraction between 0 and 1")

    @property
    def lr(self) -> float:
        """Learning rate after burn-in: lr0, or the default of the optimizer."""
        return self.lr0 if self.lr0 is not None else DEFAULT_LR0.get(self.optimizer.lower(), DEFAULT_LR0_OF_OTHERS)

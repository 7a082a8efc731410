"""Freezing: parts of a model that do not train, for the whole run or for its first epochs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

if TYPE_CHECKING:
    from collections.abc import Sequence


class Freeze:
    """Keeps modules as they are until an epoch, bit by bit.

    A frozen parameter needs no gradient, has none, and so no optimizer moves it, by momentum or weight decay either;
    what the model computes before its first trained layer needs no backward pass. Frozen batch normalisation
    normalises by its running statistics, which stay.

    Nothing of this is state: where a run is says what is frozen, so that a resumed run needs no more than its epoch.

    Beware: `DistributedDataParallel` looks at `requires_grad` once, when it wraps a model. Parameters that thaw later
    get gradients that no other process sees. Where `apply` returns True, wrap the model again.

    Args:
        modules: what to freeze, with all that they contain.
        epochs: for how many epochs; None for ever.
    """

    def __init__(self, modules: Sequence[nn.Module] = (), epochs: int | None = None) -> None:
        self.epochs = epochs
        parts = nn.ModuleList(modules)  # which gives what modules share once
        self._parameters = [parameter for parameter in parts.parameters() if parameter.requires_grad]
        self._norms = [module for module in parts.modules() if isinstance(module, _BatchNorm)]
        self._frozen = False

    def frozen_at(self, epoch: int) -> bool:
        """Whether anything is frozen in that epoch, counted from 0."""
        return bool(self._parameters or self._norms) and (self.epochs is None or epoch < self.epochs)

    def apply(self, model: nn.Module, epoch: int) -> bool:
        """Set the model to training mode as it is to train in an epoch.

        Returns:
            Whether the set of trainable parameters changed; `DistributedDataParallel` must then wrap anew.
        """
        frozen = self.frozen_at(epoch)
        model.train()
        if frozen:
            for norm in self._norms:
                norm.eval()
        changed = frozen != self._frozen
        if changed:
            self._frozen = frozen
            for parameter in self._parameters:
                parameter.requires_grad_(not frozen)
                parameter.grad = None
        return changed

"""Freezing of layers, for the whole run or for its first epochs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

if TYPE_CHECKING:
    from collections.abc import Sequence


class Freeze:
    """Keeps modules unchanged until an epoch, bit by bit.

    A frozen parameter has no gradient, so that no optimizer changes it, neither by momentum nor by weight decay; the
    layers before the first trained one need no backward pass. Frozen batch normalisation uses its running statistics
    and does not update them.

    There is no state: the epoch says what is frozen, also in a resumed run.

    `DistributedDataParallel` reads `requires_grad` once, when it wraps a model: gradients of parameters that are
    unfrozen later would not be all-reduced. Where `apply` returns True, wrap the model again.

    Args:
        modules: to freeze, with all that they contain.
        epochs: number of epochs; None: the whole run.
    """

    def __init__(self, modules: Sequence[nn.Module] = (), epochs: int | None = None) -> None:
        self.epochs = epochs
        parts = nn.ModuleList(modules)  # lists shared parameters once
        self._parameters = [parameter for parameter in parts.parameters() if parameter.requires_grad]
        self._norms = [module for module in parts.modules() if isinstance(module, _BatchNorm)]
        self._frozen = False

    def frozen_at(self, epoch: int) -> bool:
        """Return whether anything is frozen in an epoch, counted from 0."""
        return bool(self._parameters or self._norms) and (self.epochs is None or epoch < self.epochs)

    def apply(self, model: nn.Module, epoch: int) -> bool:
        """Put the model in training mode, with the layers frozen that are frozen in an epoch.

        Returns:
            True if the set of trainable parameters changed; `DistributedDataParallel` must then wrap the model again.
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

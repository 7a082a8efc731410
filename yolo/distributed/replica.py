"""A model that is one of many equal ones: its gradients are those of all processes' images."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, Protocol

import torch
from torch import nn

from yolo.config.distributed_settings import Compression

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from torch.optim import Optimizer

POWERSGD_RANK = 2
POWERSGD_START = 100  # steps with whole gradients, which the first steps need


class Replica(Protocol):
    """What the training loop asks of it."""

    def wrap(self) -> nn.Module:
        """What to call in the forward pass; to be asked anew when other parameters train than before."""

    def sync_context(self, last: bool) -> AbstractContextManager[Any]:
        """Surrounds forward and backward pass of a micro-batch; gradients are averaged at a step's last one alone."""

    def all_reduce_grads(self, optimizer: Optimizer) -> None:
        """Average the gradients, if the backward pass has not yet."""


class SingleReplica:
    """The model itself."""

    def __init__(self, model: nn.Module) -> None:
        self._model = model

    def wrap(self) -> nn.Module:
        return self._model

    def sync_context(self, last: bool) -> AbstractContextManager[Any]:
        del last
        return contextlib.nullcontext()

    def all_reduce_grads(self, optimizer: Optimizer) -> None:
        """Nothing: there are no others."""


class DataParallelReplica:
    """PyTorch's `DistributedDataParallel` around the model.

    Args:
        model: on its device.
        static: see `yolo.distributed.replicate`.
        unused: likewise.
        compression: likewise.
    """

    def __init__(self, model: nn.Module, *, static: bool, unused: bool, compression: Compression) -> None:
        self._model = model
        self._static = static
        self._unused = unused and not static  # a static graph finds them by itself
        self._compression = compression
        self._trained: frozenset[str] = frozenset()
        self._wrapped: nn.parallel.DistributedDataParallel | None = None

    def wrap(self) -> nn.Module:
        """Wrap the model, anew where other parameters train: those that thaw would else be averaged nowhere."""
        trained = frozenset(name for name, parameter in self._model.named_parameters() if parameter.requires_grad)
        if self._wrapped is None or trained != self._trained:
            self._trained = trained
            self._wrapped = None  # its hooks go before new ones come
            device = next(self._model.parameters()).device
            self._wrapped = nn.parallel.DistributedDataParallel(
                self._model,
                device_ids=[device] if device.type == "cuda" else None,
                gradient_as_bucket_view=True,
                static_graph=self._static,
                find_unused_parameters=self._unused,
            )
            _compress(self._wrapped, self._compression)
        return self._wrapped

    def sync_context(self, last: bool) -> AbstractContextManager[Any]:
        assert self._wrapped is not None
        return contextlib.nullcontext() if last else self._wrapped.no_sync()

    def all_reduce_grads(self, optimizer: Optimizer) -> None:
        """Nothing: the backward pass has."""


def _compress(wrapped: nn.parallel.DistributedDataParallel, compression: Compression) -> None:
    from torch.distributed.algorithms.ddp_comm_hooks import default_hooks, powerSGD_hook

    if compression == "powersgd":
        state = powerSGD_hook.PowerSGDState(
            None, matrix_approximation_rank=POWERSGD_RANK, start_powerSGD_iter=POWERSGD_START
        )
        wrapped.register_comm_hook(state, powerSGD_hook.powerSGD_hook)
    elif compression != "none":
        dtype = torch.float16 if compression == "fp16" else torch.bfloat16
        hook = default_hooks.fp16_compress_hook if dtype == torch.float16 else default_hooks.bf16_compress_hook
        wrapped.register_comm_hook(None, hook)

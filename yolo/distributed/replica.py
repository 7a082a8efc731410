"""Data parallelism: a model whose gradients are averaged over all processes."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, Protocol

import torch
from torch import nn

from yolo.config.distributed_settings import Compression

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from torch.optim import Optimizer

POWERSGD_RANK = 2
POWERSGD_START = 100  # first steps with uncompressed gradients


class Replica(Protocol):
    """A model on one of several processes, as the training loop uses it."""

    def wrap(self) -> nn.Module:
        """Return the module to call in the forward pass; ask again whenever parameters are frozen or thawed."""

    def sync_context(self, last: bool) -> AbstractContextManager[Any]:
        """Enclose forward and backward pass of a micro-batch; only a step's last one averages gradients."""

    def all_reduce_grads(self, optimizer: Optimizer) -> None:
        """Average the gradients, unless the backward pass has done so."""


class SingleReplica:
    """The unwrapped model.

    Args:
        model: the model.
        all_reduce_grads: averages the gradients after the backward passes of a step; None: a single process.
    """

    def __init__(self, model: nn.Module, all_reduce_grads: Callable[[Optimizer], None] | None = None) -> None:
        self._model = model
        self._all_reduce_grads = all_reduce_grads

    def wrap(self) -> nn.Module:
        return self._model

    def sync_context(self, last: bool) -> AbstractContextManager[Any]:
        del last
        return contextlib.nullcontext()

    def all_reduce_grads(self, optimizer: Optimizer) -> None:
        if self._all_reduce_grads is not None:
            self._all_reduce_grads(optimizer)


class DataParallelReplica:
    """PyTorch's `DistributedDataParallel` around the model.

    Args:
        model: the model, on its device.
        static: see `yolo.distributed.replicate`.
        unused: see there.
        compression: see there.
    """

    def __init__(self, model: nn.Module, *, static: bool, unused: bool, compression: Compression) -> None:
        self._model = model
        self._static = static
        self._unused = unused and not static  # a static graph finds unused parameters by itself
        self._compression = compression
        self._trained_names: frozenset[str] = frozenset()
        self._wrapped: nn.parallel.DistributedDataParallel | None = None

    def wrap(self) -> nn.Module:
        """Wrap the model, again after a thaw: the gradients of thawed parameters would not be averaged otherwise."""
        trained_names = frozenset(name for name, parameter in self._model.named_parameters() if parameter.requires_grad)
        if self._wrapped is None or trained_names != self._trained_names:
            self._trained_names = trained_names
            self._wrapped = None  # remove its hooks before new ones are registered
            device = next(self._model.parameters()).device
            self._wrapped = nn.parallel.DistributedDataParallel(
                self._model,
                device_ids=[device] if device.type == "cuda" else None,
                gradient_as_bucket_view=True,
                static_graph=self._static,
                find_unused_parameters=self._unused,
            )
            _register_compression(self._wrapped, self._compression)
        return self._wrapped

    def sync_context(self, last: bool) -> AbstractContextManager[Any]:
        assert self._wrapped is not None
        return contextlib.nullcontext() if last else self._wrapped.no_sync()

    def all_reduce_grads(self, optimizer: Optimizer) -> None:
        """Do nothing: the backward pass has averaged them."""


def _register_compression(wrapped: nn.parallel.DistributedDataParallel, compression: Compression) -> None:
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

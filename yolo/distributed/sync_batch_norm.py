"""Batch normalisation over the images of all processes.

Axes: B images, C channels; further axes are positions.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from yolo.distributed.collectives import all_reduce_sum
from yolo.distributed.process_group import world_size


class _SumOverRanks(torch.autograd.Function):
    """Sum over all processes; its backward pass sums the gradients likewise."""

    @staticmethod
    def forward(ctx: Any, tensor: Tensor) -> Tensor:
        del ctx
        return all_reduce_sum(tensor)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Tensor:
        del ctx
        return all_reduce_sum(grads[0].contiguous())


class _SyncMixin:
    """Synchronise the statistics of a batch normalisation; PyTorch's own `SyncBatchNorm` does not support CPUs."""

    def forward(self: Any, input: Tensor) -> Tensor:  # noqa: A002 (PyTorch's name)
        if not self.training or world_size() == 1:
            return super().forward(input)  # type: ignore[misc, no-any-return]
        return _synced_batch_norm(self, input)


class SyncedBatchNorm1d(_SyncMixin, nn.BatchNorm1d):
    """Synchronised batch normalisation of (B, C)."""


class SyncedBatchNorm2d(_SyncMixin, nn.BatchNorm2d):
    """Synchronised batch normalisation of (B, C, H, W)."""


def _synced_batch_norm(norm: _BatchNorm, x: Tensor) -> Tensor:
    """Normalise `x` (B, C, ...) in float32 or wider, and update the running statistics as `nn.BatchNorm2d` does.

    Source: the parallel mean and variance of Chan, Golub and LeVeque (1979).
    """
    wide = x.to(torch.promote_types(x.dtype, torch.float32))
    axes = [0, *range(2, x.dim())]
    shape = [1, -1] + [1] * (x.dim() - 2)
    local_count = wide.numel() // wide.shape[1]
    local_var, local_mean = torch.var_mean(wide, axes, correction=0)
    sums = _SumOverRanks.apply(torch.cat([local_mean * local_count, local_mean.new_tensor([local_count])]))
    count, mean = sums[-1].detach(), sums[:-1] / sums[-1].detach()
    var = _SumOverRanks.apply((local_var + (local_mean - mean).square()) * local_count) / count
    with torch.no_grad():
        assert norm.running_mean is not None
        assert norm.running_var is not None
        assert norm.num_batches_tracked is not None
        norm.num_batches_tracked.add_(1)
        momentum = norm.momentum if norm.momentum is not None else 1 / float(norm.num_batches_tracked)
        norm.running_mean.lerp_(mean.to(norm.running_mean.dtype), momentum)
        norm.running_var.lerp_((var * count / (count - 1)).to(norm.running_var.dtype), momentum)
    scale: Tensor = norm.weight * torch.rsqrt(var + norm.eps)
    normalised: Tensor = wide * scale.view(shape) + (norm.bias - mean * scale).view(shape)
    return normalised.to(x.dtype)


def convert_sync_batch_norm(model: nn.Module) -> None:
    """Replace the batch normalisation layers of a model by synchronised ones, in place, with the same weights.

    On GPUs they are PyTorch's `SyncBatchNorm`, which is faster.
    """
    for parent in list(model.modules()):
        for name, child in parent.named_children():
            if isinstance(child, (nn.BatchNorm1d, nn.BatchNorm2d)):
                setattr(parent, name, _to_synced(child))


def _to_synced(norm: nn.BatchNorm1d | nn.BatchNorm2d) -> nn.Module:
    if norm.weight.device.type == "cuda":
        converted: nn.Module = nn.SyncBatchNorm.convert_sync_batchnorm(norm)  # type: ignore[no-untyped-call]
        return converted
    kind = SyncedBatchNorm2d if isinstance(norm, nn.BatchNorm2d) else SyncedBatchNorm1d
    synced = kind(norm.num_features, norm.eps, norm.momentum).train(norm.training)
    synced.weight, synced.bias = norm.weight, norm.bias
    synced.running_mean, synced.running_var = norm.running_mean, norm.running_var
    synced.num_batches_tracked = norm.num_batches_tracked
    return synced

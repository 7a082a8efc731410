"""The processes of Horovod, which its own `horovodrun` starts: averaged gradients, and the same loop."""

from __future__ import annotations

import contextlib
from collections import Counter
from typing import TYPE_CHECKING, Any

import torch

from yolo.distributed.torch_group import select_own_device
from yolo.errors import SettingsError

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from torch import Tensor, nn
    from torch.optim import Optimizer

    from yolo.config.distributed_settings import Compression
    from yolo.distributed.launch_env import LaunchEnv
    from yolo.distributed.options import Options
    from yolo.distributed.replica import Replica


class HorovodGroup:
    """A group over Horovod.

    Args:
        place: of this process, as horovodrun says.
        options: how to meet.

    Raises:
        SettingsError: Horovod is not installed, or something else started the process.
    """

    def __init__(self, place: LaunchEnv, options: Options) -> None:
        if place.launcher != "horovodrun":
            raise SettingsError(
                f"--dist-backend horovod: this process was started by {place.launcher}; start it by horovodrun -np N"
            )
        try:
            import horovod.torch as hvd
        except ImportError as error:
            raise SettingsError(
                "--dist-backend horovod: Horovod is not installed; benchmarks/build_horovod.py builds it for "
                "the PyTorch that is, or leave the flag out and start with torchrun"
            ) from error
        hvd.init()
        self._hvd = hvd
        self.rank, self.world_size = hvd.rank(), hvd.size()
        self.local_rank, self.local_world_size = hvd.local_rank(), hvd.local_size()
        self._uses: Counter[str] = Counter()
        select_own_device(place, options.device)

    def all_reduce_sum(self, tensor: Tensor) -> Tensor:
        total: Tensor = self._hvd.allreduce(tensor.detach().contiguous(), op=self._hvd.Sum)
        return total

    def broadcast(self, tensor: Tensor) -> None:
        tensor.copy_(self._hvd.broadcast(tensor.contiguous(), 0))

    def all_gather(self, tensor: Tensor) -> list[Tensor]:
        lengths = self._hvd.allgather(torch.tensor([len(tensor)])).tolist()
        return list(torch.split(self._hvd.allgather(tensor.contiguous()), lengths))

    def set_mark(self, name: str, value: str) -> None:
        """Horovod has no store: every process tells the others at once, those that wait an empty text."""
        self._exchange(value)

    def wait_for_mark(self, name: str, what: str, owner: int) -> str:
        return self._exchange("")[owner]

    def _exchange(self, text: str) -> list[str]:
        every: list[str] = self._hvd.allgather_object(text)
        return every

    def count(self, name: str) -> int:
        """It cannot be known without a store; each says what it finds."""
        del name
        return 1

    def next_use(self, name: str) -> int:
        self._uses[name] += 1
        return self._uses[name]

    def replicate(self, model: nn.Module, *, static: bool, unused: bool, compression: Compression) -> Replica:
        del static, unused  # gradients are averaged after the backward pass
        return HorovodReplica(self._hvd, model, compression)

    def close(self) -> None:
        self._hvd.shutdown()


class HorovodReplica:
    """A model whose gradients Horovod averages when a step's backward passes are done.

    Args:
        hvd: the package.
        model: on its device.
        compression: none or fp16.

    Raises:
        SettingsError: another compression.
    """

    def __init__(self, hvd: Any, model: nn.Module, compression: Compression) -> None:
        if compression not in ("none", "fp16"):
            raise SettingsError(f"--grad-compression {compression}: Horovod has none and fp16; use one of these")
        self._hvd = hvd
        self._model = model
        self._compression = hvd.Compression.fp16 if compression == "fp16" else hvd.Compression.none
        self._begun = False

    def wrap(self) -> nn.Module:
        return self._model

    def sync_context(self, last: bool) -> AbstractContextManager[Any]:
        del last
        return contextlib.nullcontext()

    def all_reduce_grads(self, optimizer: Optimizer) -> None:
        """Average the gradients of all processes; at the first step, give all rank 0's weights and optimizer state.

        Horovod takes contiguous tensors alone, and its own broadcast of an optimizer's state may take a step.
        """
        if not self._begun:
            self._begun = True
            states = [value for state in optimizer.state.values() for value in state.values()]
            for tensor in [*self._model.state_dict().values(), *states]:
                if isinstance(tensor, torch.Tensor):
                    tensor.copy_(self._hvd.broadcast(tensor.contiguous(), 0))
        gradients = [p.grad for group in optimizer.param_groups for p in group["params"] if p.grad is not None]
        flat = torch.cat([gradient.reshape(-1) for gradient in gradients])
        mean = self._hvd.allreduce(flat, op=self._hvd.Average, compression=self._compression)
        for gradient, part in zip(gradients, mean.split([each.numel() for each in gradients]), strict=True):
            gradient.copy_(part.view(gradient.shape))

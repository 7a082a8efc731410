"""Process group over Horovod, started by `horovodrun`."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import torch

from yolo.distributed.replica import SingleReplica
from yolo.distributed.torch_group import select_local_gpu
from yolo.errors import SettingsError

if TYPE_CHECKING:
    from torch import Tensor, nn
    from torch.optim import Optimizer

    from yolo.config.distributed_settings import Compression
    from yolo.distributed.launch_env import LaunchEnv
    from yolo.distributed.process_group import GroupOptions
    from yolo.distributed.replica import Replica


class HorovodGroup:
    """A process group over Horovod.

    Args:
        env: what the launcher says.
        options: how to join.

    Raises:
        SettingsError: Horovod is not installed, or something other than horovodrun started the process.
    """

    def __init__(self, env: LaunchEnv, options: GroupOptions) -> None:
        if env.launcher != "horovodrun":
            raise SettingsError(
                f"--dist-backend horovod: this process was started by {env.launcher}; start it with horovodrun -np N"
            )
        try:
            import horovod.torch as hvd
        except ImportError as error:
            raise SettingsError(
                "--dist-backend horovod: Horovod is not installed; build it for the installed PyTorch with "
                "benchmarks/build_horovod.py, or drop the flag and start with torchrun"
            ) from error
        hvd.init()
        self._hvd = hvd
        self.rank, self.world_size = hvd.rank(), hvd.size()
        self.local_rank, self.local_world_size = hvd.local_rank(), hvd.local_size()
        self.job_id = env.job_id(options.command)
        self.task_counts: Counter[str] = Counter()
        select_local_gpu(env, options.device)

    def all_reduce_sum(self, tensor: Tensor) -> Tensor:
        total: Tensor = self._hvd.allreduce(tensor.detach().contiguous(), op=self._hvd.Sum)
        return total

    def broadcast(self, tensor: Tensor) -> None:
        tensor.copy_(self._hvd.broadcast(tensor.contiguous(), 0))

    def all_gather(self, tensor: Tensor) -> list[Tensor]:
        lengths = self._hvd.allgather(torch.tensor([len(tensor)])).tolist()
        return list(torch.split(self._hvd.allgather(tensor.contiguous()), lengths))

    def set_key(self, key: str, value: str) -> None:
        """Send the value to all processes at once, as Horovod has no store; those that wait send an empty text."""
        self._all_gather_text(value)

    def wait_for_key(self, key: str, task: str, owner: int) -> str:
        return self._all_gather_text("")[owner]

    def _all_gather_text(self, text: str) -> list[str]:
        texts: list[str] = self._hvd.allgather_object(text)
        return texts

    def increment(self, key: str) -> int:
        """Return 1: without a store there is no shared counter, so each process prints its own message."""
        del key
        return 1

    def replicate(self, model: nn.Module, *, static: bool, unused: bool, compression: Compression) -> Replica:
        del static, unused  # gradients are averaged after the backward pass
        return SingleReplica(model, HorovodAllReduce(self._hvd, model, compression))

    def close(self) -> None:
        self._hvd.shutdown()


class HorovodAllReduce:
    """Averages gradients with Horovod after the backward passes of a step.

    Args:
        hvd: the module `horovod.torch`.
        model: the model, on its device.
        compression: none or fp16.

    Raises:
        SettingsError: another compression.
    """

    def __init__(self, hvd: Any, model: nn.Module, compression: Compression) -> None:
        if compression not in ("none", "fp16"):
            raise SettingsError(f"--grad-compression {compression}: Horovod supports none and fp16; use one of them")
        self._hvd = hvd
        self._model = model
        self._compression = hvd.Compression.fp16 if compression == "fp16" else hvd.Compression.none
        self._is_first_step = True

    def __call__(self, optimizer: Optimizer) -> None:
        """Average the gradients of all processes, after broadcasting weights and optimizer state at the first step."""
        if self._is_first_step:
            self._is_first_step = False
            self._broadcast_state(optimizer)
        gradients = [p.grad for group in optimizer.param_groups for p in group["params"] if p.grad is not None]
        flat = torch.cat([gradient.reshape(-1) for gradient in gradients])
        mean = self._hvd.allreduce(flat, op=self._hvd.Average, compression=self._compression)
        for gradient, part in zip(gradients, mean.split([each.numel() for each in gradients]), strict=True):
            gradient.copy_(part.view(gradient.shape))

    def _broadcast_state(self, optimizer: Optimizer) -> None:
        """Copy rank 0's weights and optimizer state to all processes.

        Horovod needs contiguous tensors, and its own broadcast of an optimizer's state may take an optimizer step.
        """
        states = [value for state in optimizer.state.values() for value in state.values()]
        for tensor in [*self._model.state_dict().values(), *states]:
            if isinstance(tensor, torch.Tensor):
                tensor.copy_(self._hvd.broadcast(tensor.contiguous(), 0))

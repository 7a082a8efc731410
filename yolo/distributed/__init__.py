"""Processes that train together. The only room that knows of `torch.distributed`, Horovod and launchers' variables.

Without other processes every answer is that of rank 0 of 1, nothing waits, and models stay as they are.
"""

from yolo.config.distributed_settings import Compression, DistributedSettings, LaunchSettings
from yolo.distributed.collectives import (
    all_gather,
    all_gather_texts,
    all_reduce_mean,
    all_reduce_sum,
    any_rank,
    broadcast_module,
    check_equal,
    local_main_first,
    replicate,
    run_on_main_and_broadcast,
)
from yolo.distributed.options import Options
from yolo.distributed.process_group import is_main, joined, local_rank, local_world_size, rank, world_size
from yolo.distributed.replica import Replica, SingleReplica
from yolo.distributed.start import job, start

__all__ = [
    "Compression",
    "DistributedSettings",
    "LaunchSettings",
    "Options",
    "Replica",
    "SingleReplica",
    "all_gather",
    "all_gather_texts",
    "all_reduce_mean",
    "all_reduce_sum",
    "any_rank",
    "broadcast_module",
    "check_equal",
    "is_main",
    "job",
    "joined",
    "local_main_first",
    "local_rank",
    "local_world_size",
    "rank",
    "replicate",
    "run_on_main_and_broadcast",
    "start",
    "world_size",
]

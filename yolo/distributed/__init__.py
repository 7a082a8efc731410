"""Processes that train together. The only room that knows of `torch.distributed`, Horovod and launchers' variables.

Without other processes every answer is that of rank 0 of 1, nothing waits, and models stay as they are.
"""

from yolo.distributed.collectives import (
    anywhere,
    broadcast_module,
    check_equal,
    first_on_node,
    from_main,
    gather,
    gather_texts,
    mean_over_ranks,
    replicate,
    sum_over_ranks,
)
from yolo.distributed.options import DistributedSettings, LaunchSettings, Options
from yolo.distributed.process_group import alone, is_main, joined, local_rank, local_world_size, rank, world_size
from yolo.distributed.replica import Compression, LoneReplica, Replica
from yolo.distributed.start import job, start

__all__ = [
    "Compression",
    "DistributedSettings",
    "LaunchSettings",
    "LoneReplica",
    "Options",
    "Replica",
    "alone",
    "anywhere",
    "broadcast_module",
    "check_equal",
    "first_on_node",
    "from_main",
    "gather",
    "gather_texts",
    "is_main",
    "job",
    "joined",
    "local_rank",
    "local_world_size",
    "mean_over_ranks",
    "rank",
    "replicate",
    "start",
    "sum_over_ranks",
    "world_size",
]

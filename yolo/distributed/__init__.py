"""Training with several processes: launchers, process groups, collectives and data parallelism.

The only room that knows `torch.distributed`, Horovod and the environment variables of launchers; it knows no model,
data or recipe. With a single process every function behaves as on rank 0 of 1: nothing waits, models stay unchanged.
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
from yolo.distributed.process_group import (
    GroupOptions,
    is_main,
    job_id,
    join_group,
    local_rank,
    local_world_size,
    rank,
    without_others,
    world_size,
)
from yolo.distributed.replica import Replica, SingleReplica
from yolo.distributed.start import start

__all__ = [
    "Compression",
    "DistributedSettings",
    "GroupOptions",
    "LaunchSettings",
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
    "job_id",
    "join_group",
    "local_main_first",
    "local_rank",
    "local_world_size",
    "rank",
    "replicate",
    "run_on_main_and_broadcast",
    "start",
    "without_others",
    "world_size",
]

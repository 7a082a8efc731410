"""The optimizer of a run, with the layer-wise training keys of its cfg."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from yolo.engine.optimizer import build_optimizer
from yolo.training.build_schedule import SGD
from yolo.training.layer_lr import layer_schedules, log_layer_schedules, param_schedules

if TYPE_CHECKING:
    from torch.optim import Optimizer

    from yolo.config.train_settings import TrainSettings
    from yolo.engine.phases import PhasedSchedule
    from yolo.engine.schedule import Schedule
    from yolo.model.network import Darknet


def build_run_optimizer(
    settings: TrainSettings, model: Darknet, schedule: Schedule | PhasedSchedule, images: int
) -> Optimizer:
    """Build the optimizer of a run; with --schedule cfg it is Darknet's, as the cfg's [net] says.

    Args:
        settings: of the run.
        model: the network.
        schedule: of the run.
        images: per epoch.
    """
    net, chosen = model.net, settings.optimization
    name = chosen.optimizer
    arguments: dict[str, Any] = {**chosen.optimizer_args}
    if settings.schedule.schedule == "cfg" and net.adam:
        name, arguments = "adam", {"betas": (net.B1, net.B2), "eps": net.eps, **arguments}
    elif settings.schedule.schedule == "cfg" and name.lower() in SGD:
        arguments = {"nesterov": False, **arguments}

    def to_epochs(net_batches: float) -> float:
        """Convert Darknet's batches to epochs; if both have a burn-in, by its length, since a run may be shorter."""
        if schedule.burn_in and net.burn_in:
            return net_batches / net.burn_in * schedule.burn_in
        return net_batches * net.batch / images

    log_layer_schedules(model, layer_schedules(model, to_epochs), schedule.epochs)
    return build_optimizer(
        model,
        name,
        lr=chosen.lr,
        momentum=schedule.momentum,
        weight_decay=chosen.weight_decay,
        arguments=arguments,
        schedules=param_schedules(model, to_epochs),
    )

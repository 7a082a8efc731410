"""Optimizers with three parameter groups: biases, weights that decay, and the rest."""

from __future__ import annotations

import inspect
import logging
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.optim import Optimizer

from yolo.config.optimizer_settings import Argument
from yolo.engine.apex import fused_optimizers
from yolo.engine.muon import ADAMW_LR_FACTOR, Muon
from yolo.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Mapping

logger = logging.getLogger(__name__)

UNSUPPORTED = {
    "LBFGS": "it computes the loss several times per step",
    "SparseAdam": "it takes only sparse gradients",
}
KINDS = ("biases", "weights", "unnormalized weights", "norms")
OWN_SETTINGS = ("lr", "momentum", "betas", "weight_decay", "orthogonal")  # set here, or from separate settings


@dataclass(frozen=True, slots=True, kw_only=True)
class ParamSchedule:
    """The learning rate factor of a parameter, and the epoch from which it trains."""

    lr_factor: float = 1.0
    start: float = 0.0  # epochs; inf: never


def find_optimizer(name: str) -> type[Optimizer]:
    """Return `Muon` or a class of `torch.optim` by name, ignoring case; of apex if the name begins with `fused`.

    Raises:
        SettingsError: there is none, or it cannot train a network here.
    """
    fused = is_fused(name)
    classes = fused_optimizers(f"--optimizer {name}") if fused else _torch_optimizers()
    found = next((each for each in classes.values() if each.__name__.lower() == name.lower()), None)
    if found is None:
        usable = ", ".join(sorted(set(classes) - set(UNSUPPORTED)))
        where = "apex.optimizers" if fused else "torch.optim"
        raise SettingsError(f"--optimizer {name}: not in {where}; use one of {usable}")
    if found.__name__ in UNSUPPORTED:
        raise SettingsError(f"--optimizer {name}: {UNSUPPORTED[found.__name__]}; use sgd, adam or adamw")
    return found


def is_fused(name: str) -> bool:
    """Return whether an optimizer is one of apex."""
    return name.lower().startswith("fused")


def _torch_optimizers() -> dict[str, type[Optimizer]]:
    found = {
        each.__name__: each
        for each in vars(torch.optim).values()
        if inspect.isclass(each) and issubclass(each, Optimizer) and each is not Optimizer
    }
    return found | {"Muon": Muon}  # PyTorch's own takes only matrices


def check_arguments(name: str, arguments: Mapping[str, Argument], device: torch.device) -> None:
    """Check that an optimizer takes these arguments, and makes a step with them on a device.

    Raises:
        SettingsError: it does not, or there are separate settings for them.
    """
    optimizer = find_optimizer(name)
    known = set(inspect.signature(optimizer).parameters) - {"params", *OWN_SETTINGS}
    for key, value in arguments.items():
        flag = f"--optimizer-args {key} {value}"
        if key in OWN_SETTINGS:
            raise SettingsError(f"{flag}: use the settings lr0, momentum, weight_decay for it")
        if key not in known:
            raise SettingsError(f"{flag}: {optimizer.__name__} takes {', '.join(sorted(known))}")
    if not is_fused(name):  # these need their device
        _try_step(optimizer, arguments, device)


def _try_step(optimizer: type[Optimizer], arguments: Mapping[str, Argument], device: torch.device) -> None:
    parameter = nn.Parameter(torch.zeros(1, device=device))
    parameter.grad = torch.zeros_like(parameter)
    made = _construct(optimizer, [{"params": [parameter]}], lr=0.01, momentum=0.9, arguments=arguments)
    try:
        made.step()
    except (AssertionError, RuntimeError, TypeError, ValueError) as error:
        given = " ".join(f"{name} {value}" for name, value in arguments.items())
        reason = str(error).strip().splitlines()[0]
        raise SettingsError(
            f"--optimizer-args {given}: no step is possible on {device} ({reason}); leave them out"
        ) from error


def build_optimizer(
    model: nn.Module,
    name: str,
    *,
    lr: float,
    momentum: float,
    weight_decay: float,
    arguments: Mapping[str, Any] | None = None,
    schedules: Mapping[nn.Parameter, ParamSchedule] | None = None,
) -> Optimizer:
    """Build an optimizer; SGD has Nesterov momentum unless `arguments` say otherwise.

    Convolution and linear weights decay; biases and normalisation do not. For the schedule, each group has `bias` and
    `decay` (its kind), `lr_factor`, and `start` (the epoch from which it trains). Parameters that never train are in no
    group and require no gradient.

    Args:
        model: whose parameters are optimized.
        name: Muon, or a class in `torch.optim` or apex.
        lr: learning rate.
        momentum: of SGD and the like; for Adam and the like the first beta.
        weight_decay: of convolution and linear weights.
        arguments: further ones of the class.
        schedules: of the parameters that have one.

    Raises:
        SettingsError: no such optimizer, or it does not take the arguments.
    """
    is_muon = find_optimizer(name) is Muon
    groups: dict[tuple[str, ParamSchedule], dict[str, Any]] = {}
    for path, parameter in model.named_parameters():  # lists shared parameters once
        param_schedule = (schedules or {}).get(parameter, ParamSchedule())
        if param_schedule.start == math.inf:
            parameter.requires_grad_(False)
            continue
        kind = _kind(model, path, splits_weights=is_muon)
        new = {
            "name": _group_name(kind, param_schedule),
            "params": [],
            "bias": kind == "biases",
            "decay": kind.endswith("weights"),
        }
        if is_muon:
            new["orthogonal"] = kind == "weights"
        factor = param_schedule.lr_factor * (ADAMW_LR_FACTOR if is_muon and kind != "weights" else 1)
        speed = {"lr": lr * factor, "lr_factor": factor, "start": param_schedule.start}
        group = groups.setdefault((kind, param_schedule), {**new, **speed})
        group["params"].append(parameter)
    if not groups:
        raise SettingsError(f"--optimizer {name}: nothing is left to train; the cfg keeps every layer from training")
    optimizer = find_optimizer(name)
    decays = "weight_decay" in inspect.signature(optimizer).parameters
    if not decays and weight_decay:
        logger.warning("--optimizer %s: does not support weight decay; weight_decay is ignored", name)
    for group in groups.values():
        group["decay"] = decays and group["decay"]
        if group["decay"]:
            group["weight_decay"] = weight_decay
    if is_fused(name) and (device := next(model.parameters()).device).type != "cuda":
        raise SettingsError(f"--optimizer {name}: only CUDA devices support apex, this is {device}; use sgd")
    order = sorted(groups, key=lambda key: (KINDS.index(key[0]), key[1].start, -key[1].lr_factor))
    return _construct(optimizer, [groups[key] for key in order], lr=lr, momentum=momentum, arguments=arguments or {})


def drop_frozen_grads(optimizer: Optimizer, epoch: float) -> None:
    """Drop the gradients of groups that do not train yet, so that the optimizer skips them."""
    for group in optimizer.param_groups:
        if epoch < group["start"]:
            for parameter in group["params"]:
                parameter.grad = None


def _kind(model: nn.Module, path: str, *, splits_weights: bool) -> str:
    owner, _, role = path.rpartition(".")
    module = model.get_submodule(owner)
    if role == "bias":
        return "biases"
    if not isinstance(module, (nn.Conv2d, nn.Linear)):
        return "norms"
    return "unnormalized weights" if splits_weights and module.bias is not None else "weights"


def _group_name(kind: str, param_schedule: ParamSchedule) -> str:
    factor = "" if param_schedule.lr_factor == 1 else f" x {param_schedule.lr_factor:g}"
    return kind + factor + (f" from {param_schedule.start:g}" if param_schedule.start else "")


def _construct(
    optimizer: type[Optimizer],
    groups: list[dict[str, Any]],
    *,
    lr: float,
    momentum: float,
    arguments: Mapping[str, Any],
) -> Optimizer:
    known = inspect.signature(optimizer).parameters
    values: dict[str, Any] = {"lr": lr, "weight_decay": 0.0, "momentum": momentum, "nesterov": True}
    if "betas" in known:
        values["betas"] = (momentum, *known["betas"].default[1:])
    usual = {key: value for key, value in values.items() if key in known}
    try:
        return optimizer(groups, **{**usual, **arguments})
    except (TypeError, ValueError, RuntimeError) as error:
        remedy = "build apex with its CUDA extensions" if is_fused(optimizer.__name__) else "correct --optimizer-args"
        raise SettingsError(f"--optimizer {optimizer.__name__}: {error}; {remedy}") from error

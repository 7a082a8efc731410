"""The losses by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from yolo.config.loss_settings import LossName, LossSettings
from yolo.errors import SettingsError
from yolo.layers import HeadSpec, Yolo
from yolo.losses.anchor_loss import ShapeMatchLoss
from yolo.losses.darknet.loss import DarknetLoss
from yolo.losses.simota_loss import CostMatchLoss

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Tensor

    from yolo.model.network import Darknet


class Loss(Protocol):
    """What training minimises."""

    def __call__(self, outputs: Sequence[Tensor], targets: Tensor, image_size: tuple[int, int]) -> dict[str, Tensor]:
        """Loss terms, the sum of which is minimised.

        Args:
            outputs: raw tensors of the heads.
            targets: (N, 6): image, class, cx, cy, w, h as fractions of the network input.
            image_size: (height, width) of the network input, pixels.
        """


def build_loss(
    name: LossName,
    model: Darknet,
    settings: LossSettings,
    *,
    images_seen: Callable[[], int],
    objectness_ratio: Callable[[], float],
) -> Loss:
    """A loss for a network's heads.

    Args:
        name: which.
        model: the network.
        settings: of cost-match and shape-match.
        images_seen: images trained on so far; darknet asks before each batch.
        objectness_ratio: how far burn-in has brought objectness targets; these two ask before each batch.

    Raises:
        SettingsError: the network has a head that the loss does not know, or none.
    """
    if not model.heads:
        raise SettingsError(f"{model.cfg.path}: has no detection head to train; give the cfg of a detector")
    if name == "darknet":
        return DarknetLoss([node.spec for node in model.heads if isinstance(node.spec, HeadSpec)], images_seen)
    for node in model.heads:
        if not isinstance(node.spec, Yolo):
            raise SettingsError(
                f"{node.section.where()}: --loss {name} trains [yolo] heads only, this is [{node.section.name}]; "
                "use --loss darknet"
            )
    heads = [node.spec for node in model.heads if isinstance(node.spec, Yolo)]
    kind = CostMatchLoss if name == "cost-match" else ShapeMatchLoss
    return kind(heads, settings, objectness_ratio)

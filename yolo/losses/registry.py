"""Build a loss by the name that --loss gives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from yolo.config.loss_settings import LossSettings
from yolo.errors import SettingsError
from yolo.layers import HeadSpec, Yolo
from yolo.losses.anchor_iou_loss import AnchorIouLoss
from yolo.losses.darknet.darknet_loss import DarknetLoss
from yolo.losses.task_aligned_loss import TaskAlignedLoss

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from yolo.model.network import Darknet


LOSS_TERMS = ("box", "objectness", "class")


class Loss(Protocol):
    """The objective that training minimizes."""

    def __call__(
        self,
        outputs: Sequence[Tensor],
        targets: Tensor,
        image_size: tuple[int, int],
        *,
        images_seen: int = 0,
        objectness_ratio: float = 1.0,
    ) -> dict[str, Tensor]:
        """Return the `LOSS_TERMS` by name; training minimizes their sum.

        Args:
            outputs: raw tensors of the heads.
            targets: (N, 6): image, class (-1: an ignore region), cx, cy, w, h as fractions of the network input.
            image_size: (height, width) of the network input, pixels.
            images_seen: number of images trained on before this batch.
            objectness_ratio: share of a positive's objectness target that is the IoU of its prediction; the rest is 1.
        """


def build_loss(settings: LossSettings, model: Darknet) -> Loss:
    """Build the loss that the settings name for the heads of a network.

    Raises:
        SettingsError: the network has a head that the loss does not support, or no head.
    """
    name = settings.loss
    if not model.heads:
        raise SettingsError(f"{model.cfg.path}: has no detection head to train; give the cfg of a detector")
    if name == "darknet":
        return DarknetLoss([node.spec for node in model.heads if isinstance(node.spec, HeadSpec)])
    for node in model.heads:
        if not isinstance(node.spec, Yolo):
            raise SettingsError(
                f"{node.section.where()}: --loss {name} trains [yolo] heads only, this is [{node.section.name}]; "
                "use --loss darknet"
            )
    heads = [node.spec for node in model.heads if isinstance(node.spec, Yolo)]
    loss = TaskAlignedLoss if name == "task-aligned" else AnchorIouLoss
    return loss(heads, settings)

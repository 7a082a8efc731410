"""[convolutional]: convolution, batch normalisation or bias, activation, optional blur."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from torch import Tensor, nn

from yolo.darknet.cfg_keys import check_key
from yolo.layers.activations import build_activation
from yolo.layers.binary import BinaryConv2d
from yolo.layers.blur import Blur, blur_shape
from yolo.layers.layer_spec import LayerSpec, Shape, absolute_index, register, window_shape
from yolo.layers.norm import bias_or_norm_tensors, build_norm_2d

if TYPE_CHECKING:
    from collections.abc import Sequence


class ConvLayer(nn.Module):
    """Convolution, batch normalisation, activation and blur, (B, C, H, W) -> (B, filters, H', W')."""

    def __init__(
        self, conv: nn.Conv2d, bn: nn.BatchNorm2d | None, activation: nn.Module, blur: nn.Module | None = None
    ) -> None:
        super().__init__()
        self.conv = conv
        self.bn = bn
        self.activation = activation
        self.blur = blur

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        if self.bn is not None:
            x = self.bn(x)
        x = self.activation(x)
        return x if self.blur is None else self.blur(x)

    def stored_tensors(self) -> list[Tensor]:
        """Return the tensors in `.weights` order."""
        return [*bias_or_norm_tensors(self.bn, self.conv.bias), self.conv.weight]


@register("convolutional", "conv")
@dataclass(frozen=True, slots=True, kw_only=True)
class Convolutional(LayerSpec):
    """Keys of [convolutional]. Source: AlexeyAB/darknet src/parser.c parse_convolutional (59596d78).

    The keys after `share_index` change how Darknet trains or schedules, not what a trained network computes; they are
    read and ignored.
    """

    filters: int = 1
    size: int = 1
    stride: int = 1
    stride_x: int | None = None
    stride_y: int | None = None
    dilation: int = 1
    groups: int = 1
    pad: bool = False
    padding: int = 0
    batch_normalize: bool = False
    cbn: bool = False
    activation: str = "logistic"
    antialiasing: int = 0
    binary: bool = False
    xnor: bool = False
    bin_output: bool = False
    share_index: int | None = None

    assisted_excitation: float = 0.0
    sway: bool = False
    rotate: bool = False
    stretch: bool = False
    stretch_sway: bool = False
    angle: float = 15.0
    flipped: bool = False
    dot: float = 0.0
    grad_centr: bool = False
    reverse: float = 0.0
    coordconv: bool = False
    stream: int = -1
    wait_stream: int = -1

    def __post_init__(self) -> None:
        for key in ("filters", "size", "stride", "dilation", "groups"):
            check_key(key, getattr(self, key) >= 1, "must be 1 or more")
        check_key("padding", self.padding >= 0, "must be 0 or more")
        check_key("filters", self.filters % self.num_groups == 0, f"must be a multiple of groups={self.groups}")
        check_key("antialiasing", self.antialiasing in (0, 1, 2), "use 0, 1 or 2")

    @property
    def normalizes(self) -> bool:
        return self.batch_normalize or self.cbn

    @property
    def num_groups(self) -> int:
        return 1 if self.xnor else self.groups

    @property
    def strides(self) -> tuple[int, int]:
        """Strides of the layer, (vertical, horizontal)."""
        vertical, horizontal = self.stride_y or 0, self.stride_x or 0
        return (vertical if vertical >= 1 else self.stride), (horizontal if horizontal >= 1 else self.stride)

    @property
    def conv_strides(self) -> tuple[int, int]:
        """Strides of the convolution itself, (vertical, horizontal); 1 where a blur takes over the layer's stride."""
        return (1, 1) if self.antialiasing else self.strides

    @property
    def padding_each_side(self) -> int:
        return self.size // 2 if self.pad else self.padding

    def conv_shape(self, x: Shape) -> Shape:
        """Return the shape before the blur; as in Darknet, it does not depend on the dilation."""
        return window_shape(x, self.filters, self.size, self.conv_strides, 2 * self.padding_each_side)

    def out_shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        fits = x.channels % self.num_groups == 0
        check_key("groups", fits, f"the {x.channels} input channels must be a multiple of it")
        out = self.conv_shape(x)
        return blur_shape(out, self.antialiasing, self.strides) if self.antialiasing else out

    def resolve(self, consumers: Sequence[LayerSpec]) -> LayerSpec:
        if self.bin_output and any(consumer.combines_inputs for consumer in consumers):
            return replace(self, bin_output=False)
        return self

    def shared_from(self, index: int) -> int | None:
        return None if self.share_index is None else absolute_index(index, self.share_index, "share_index")

    def share_parameters(self, module: nn.Module, shared_from: nn.Module) -> None:
        assert isinstance(module, ConvLayer)
        check_key("share_index", isinstance(shared_from, ConvLayer), "that layer is not a [convolutional]")
        assert isinstance(shared_from, ConvLayer)
        same = module.conv.weight.shape == shared_from.conv.weight.shape and (module.bn is None) == (
            shared_from.bn is None
        )
        check_key("share_index", same, "that layer's filters, size, channels or batch_normalize differ")
        module.conv.weight, module.conv.bias, module.bn = shared_from.conv.weight, shared_from.conv.bias, shared_from.bn

    def build(self, *inputs: Shape) -> nn.Module:
        (x,) = inputs
        blur = Blur(self.filters, self.antialiasing, self.strides) if self.antialiasing else None
        bn = build_norm_2d(self.filters) if self.normalizes else None
        # Layers after it use only the signs, and those are the same before the activation.
        activation = "linear" if self.xnor and self.bin_output else self.activation
        return ConvLayer(self._build_conv(x.channels), bn, build_activation(activation), blur)

    def _build_conv(self, channels: int) -> nn.Conv2d:
        dilation = self.dilation if self.size > 1 else 1
        shape = (channels, self.filters, self.size, self.conv_strides, self.padding_each_side * dilation, dilation)
        bias = not self.normalizes
        if self.xnor or self.binary:
            return BinaryConv2d(*shape, groups=self.num_groups, bias=bias, binary_input=self.xnor)
        return nn.Conv2d(*shape, groups=self.num_groups, bias=bias)

    def weights(self, module: nn.Module) -> list[Tensor]:
        assert isinstance(module, ConvLayer)
        return module.stored_tensors() if self.share_index is None else []

    def flops(self, out: Shape, *inputs: Shape) -> int:
        (x,) = inputs
        operations = 2 * self.conv_shape(x).numel * (x.channels // self.num_groups) * self.size**2
        return operations // 32 if self.xnor else operations

    def kernel_and_stride(self, *inputs: Shape) -> tuple[int, float]:
        del inputs
        dilation = self.dilation if self.size > 1 else 1
        return (self.size - 1) * dilation + 1, float(self.strides[1])

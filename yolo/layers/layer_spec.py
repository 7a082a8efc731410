"""`LayerSpec`: the cfg keys of one layer, its geometry, its module and its tensors in `.weights` order.

A layer type is one frozen dataclass, registered under its section names. Its fields are the cfg keys (`from_` for
`from`), annotations convert the values, and defaults are Darknet's. Nothing here knows a whole network.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, NamedTuple, TypeVar

from yolo.darknet.cfg_keys import check_key, read_keys
from yolo.errors import CfgError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Tensor, nn

    from yolo.darknet.cfg_file import Section


class Shape(NamedTuple):
    """Shape of one image's feature map."""

    channels: int
    height: int
    width: int

    def __str__(self) -> str:
        return f"{self.width} x {self.height} x {self.channels}"

    @property
    def numel(self) -> int:
        return self.channels * self.height * self.width


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerSpec(ABC):
    """Keys that every section may have, and the methods that describe a layer.

    Subclasses must define `out_shape` and `build`; `weights` if the layer has parameters; `sources` if its input is
    not just the layer before. `index` is the layer's number: sections after [net] count from 0, as in Darknet; source
    -1 is the network's input.
    """

    combines_inputs: ClassVar[bool] = False
    """True if it adds, multiplies or concatenates several layers: their values then matter, not only their signs."""
    can_be_output: ClassVar[bool] = True
    """True if it may be the network's output when it is the last layer."""

    learning_rate: float = 1.0
    clip: float = 0.0
    onlyforward: bool = False
    dont_update: int = 0
    burnin_update: int = 0
    stopbackward: int = 0
    train_only_bn: bool = False
    dontload: bool = False
    dontloadscales: bool = False

    def sources(self, index: int) -> tuple[int, ...]:
        """Return the absolute numbers of the layers whose outputs are this layer's inputs."""
        return (index - 1,)

    @abstractmethod
    def out_shape(self, *inputs: Shape) -> Shape:
        """Return the output shape for the sources' shapes.

        Raises:
            BadValueError: these inputs do not fit together or are too small.
        """

    @abstractmethod
    def build(self, *inputs: Shape) -> nn.Module:
        """Build the module, which takes one tensor (B, C, H, W) per source."""

    def weights(self, module: nn.Module) -> list[Tensor]:
        """Return the module's tensors that a `.weights` file stores, in the file's order.

        Only the matrix (out, in) of a connected layer has two axes: some old files store it transposed.
        """
        del module
        return []

    def flops(self, out: Shape, *inputs: Shape) -> int:
        """Return the operations for one image, counted as Darknet does (its BFLOPs are this / 1e9)."""
        del out, inputs
        return 0

    def kernel_and_stride(self, *inputs: Shape) -> tuple[int, float]:
        """Return the kernel width and the horizontal stride, in input cells; a stride of 1/2 doubles the map."""
        del inputs
        return 1, 1.0

    def resolve(self, consumers: Sequence[LayerSpec]) -> LayerSpec:
        """Return the spec to build, given the specs of the layers that use this one's output; `self` by default."""
        del consumers
        return self

    def shared_from(self, index: int) -> int | None:
        """Return the absolute number of the layer whose parameters this one shares; None if it has its own."""
        del index
        return None

    def share_parameters(self, module: nn.Module, shared_from: nn.Module) -> None:
        """Replace the parameters of `module` by those of `shared_from`, the module of the layer it shares with.

        Raises:
            BadValueError: the two differ in kind or size.
        """
        raise NotImplementedError

    def frozen_steps(self, burn_in: int) -> float:
        """Return how many optimizer steps from the start of training leave the layer's parameters unchanged; inf: all.

        The keys count Darknet's batches. With `train_only_bn` only batch statistics change: Darknet updates no
        parameter of such a layer.

        Args:
            burn_in: the key of [net], batches.

        Source: AlexeyAB/darknet src/network_kernels.cu update_network_gpu, backward_network_gpu (59596d78).
        """
        if self.train_only_bn or self.onlyforward:
            return math.inf
        return max(self.dont_update, self.burnin_update * burn_in - 1, 0)

    def stop_gradient_steps(self) -> float:
        """Return how many steps from the start of training no gradient reaches this and all earlier layers; inf: all.

        Source: as `frozen_steps`.
        """
        return math.inf if self.stopbackward == 1 else max(self.stopbackward, 0)


REGISTRY: dict[str, type[LayerSpec]] = {}
SpecType = TypeVar("SpecType", bound=LayerSpec)


def register(*section_names: str) -> Callable[[type[SpecType]], type[SpecType]]:
    """Class decorator: read sections of these names into this class."""

    def add(spec: type[SpecType]) -> type[SpecType]:
        for name in section_names:
            assert name not in REGISTRY, f"[{name}] is already {REGISTRY[name].__name__}"
            REGISTRY[name] = spec
        return spec

    return add


def spec_from_section(section: Section) -> LayerSpec:
    """Read a section into the spec of its layer type.

    Raises:
        CfgError: unknown section, missing key, or a value that the key cannot have.
    """
    spec = REGISTRY.get(section.name)
    if spec is None:
        raise CfgError(
            f"{section.where()}: unknown section [{section.name}]; known: {', '.join(sorted(REGISTRY, key=str.lower))}"
        )
    return read_keys(spec, section)


def window_shape(x: Shape, channels: int, size: int, strides: tuple[int, int], padding: int) -> Shape:
    """Return the output shape of a sliding window, which [convolutional], [local] and pooling have in common.

    Args:
        x: the input.
        channels: of the output.
        size: side of the window.
        strides: vertical, horizontal.
        padding: cells in total along each axis.

    Raises:
        BadValueError: the input is too small for the window.
    """
    height = (x.height + padding - size) // strides[0] + 1
    width = (x.width + padding - size) // strides[1] + 1
    check_key("size", height >= 1 and width >= 1, f"the {x.width} x {x.height} input is too small for it")
    return Shape(channels, height, width)


def absolute_index(index: int, layer: int, key: str) -> int:
    """Convert a reference to a layer, relative (negative) or absolute, to the layer's number.

    Args:
        index: number of the layer that refers.
        layer: the value in the cfg.
        key: the cfg key, for messages.

    Raises:
        BadValueError: it is not an earlier layer.
    """
    target = index + layer if layer < 0 else layer
    check_key(key, 0 <= target < index, f"layer {target} is not before this one; use 0..{index - 1}, or -{index}..-1")
    return target

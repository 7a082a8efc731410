"""What a layer is: a record of its cfg keys that knows its geometry, its module and its tensors in `.weights`.

A layer type is one frozen dataclass registered under its section names. The fields are the schema: names are the
cfg keys (`from_` for `from`), annotations convert the values, defaults are Darknet's. Nothing here or below knows
of a whole network.
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
    """Size of one image's feature map."""

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
    """Keys that every section may have, and what a layer must answer.

    `index` in methods is the layer's number, counting sections after [net] from 0, as Darknet does; source -1 is
    the network's input.
    """

    combines_inputs: ClassVar[bool] = False
    """Whether it joins the values of several layers, so that none of them may hand on mere signs."""
    can_be_output: ClassVar[bool] = True
    """Whether it may be the network's output when it is the last layer."""

    learning_rate: float = 1.0
    clip: float = 0.0
    onlyforward: bool = False
    dont_update: int = 0
    burnin_update: int = 0
    stopbackward: int = 0
    train_only_bn: bool = False
    dontload: bool = False
    dontloadscales: bool = False

    def frozen_steps(self, burn_in: int) -> float:
        """Optimizer steps at the start of a run in which the layer's own keys keep its parameters; inf: all.

        The keys count Darknet's batches. `train_only_bn` leaves the statistics alone to learn, and Darknet updates
        no parameter of such a layer.

        Args:
            burn_in: of [net], batches.

        Source: AlexeyAB/darknet src/network_kernels.cu update_network_gpu, backward_network_gpu (59596d78).
        """
        if self.train_only_bn or self.onlyforward:
            return math.inf
        return max(self.dont_update, self.burnin_update * burn_in - 1, 0)

    def stop_gradient_steps(self) -> float:
        """Optimizer steps at the start of a run in which no gradient reaches this layer and those before; inf: all.

        Source: as `frozen_steps`.
        """
        return math.inf if self.stopbackward == 1 else max(self.stopbackward, 0)

    def sources(self, index: int) -> tuple[int, ...]:
        """Absolute numbers of the layers whose outputs this one consumes."""
        return (index - 1,)

    @abstractmethod
    def out_shape(self, *inputs: Shape) -> Shape:
        """Output shape for the sources' shapes.

        Raises:
            BadValueError: these inputs cannot be joined or are too small.
        """

    @abstractmethod
    def build(self, *inputs: Shape) -> nn.Module:
        """The module, which takes one tensor (B, C, H, W) a source."""

    def weights(self, module: nn.Module) -> list[Tensor]:
        """The module's tensors that a `.weights` file holds, in the file's order.

        Only the matrix (out, in) of a connected layer has two axes: some old files hold it transposed.
        """
        del module
        return []

    def resolve(self, consumers: Sequence[LayerSpec]) -> LayerSpec:
        """This record, or the one to use instead, now that the layers that consume its output are known."""
        del consumers
        return self

    def shared_from(self, index: int) -> int | None:
        """Absolute number of the layer whose parameters this one uses as its own; None where it has its own."""
        del index
        return None

    def share_parameters(self, module: nn.Module, shared_from: nn.Module) -> None:
        """Let this layer's module use the parameters of the shared_from's.

        Raises:
            BadValueError: they differ in kind or size.
        """
        raise NotImplementedError

    def flops(self, out: Shape, *inputs: Shape) -> int:
        """Operations for one image, counted as Darknet does (its BFLOPs are this / 1e9)."""
        del out, inputs
        return 0

    def kernel_and_stride(self, *inputs: Shape) -> tuple[int, float]:
        """Along x: how many cells of an input one output cell sees, and how many it moves a step (1/2 doubles)."""
        del inputs
        return 1, 1.0


REGISTRY: dict[str, type[LayerSpec]] = {}
SpecType = TypeVar("SpecType", bound=LayerSpec)


def register(*section_names: str) -> Callable[[type[SpecType]], type[SpecType]]:
    """Class decorator: sections of these names are described by this class."""

    def add(spec: type[SpecType]) -> type[SpecType]:
        for name in section_names:
            assert name not in REGISTRY, f"[{name}] is already {REGISTRY[name].__name__}"
            REGISTRY[name] = spec
        return spec

    return add


def absolute_index(index: int, layer: int, key: str) -> int:
    """The number of the layer that a relative (negative) or absolute reference means.

    Raises:
        BadValueError: it is not an earlier layer.
    """
    target = index + layer if layer < 0 else layer
    check_key(key, 0 <= target < index, f"layer {target} is not before this one; use 0..{index - 1}, or -{index}..-1")
    return target


def spec_from_section(section: Section) -> LayerSpec:
    """Read a section into its layer's record.

    Raises:
        CfgError: unknown section, missing key, or a value that the key cannot have.
    """
    spec = REGISTRY.get(section.name)
    if spec is None:
        raise CfgError(
            f"{section.where()}: unknown section [{section.name}]; known: {', '.join(sorted(REGISTRY, key=str.lower))}"
        )
    return read_keys(spec, section)

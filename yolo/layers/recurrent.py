"""[rnn], [crnn], [gru] and [lstm]: one time step from the zero state.

Each item of a batch is the first step of its own sequence. No state is kept between calls, and `time_steps` of [net] is
not unrolled: these layers exist so that such files load, compute and convert.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from yolo.darknet.cfg_keys import check_key
from yolo.layers.activations import build_activation
from yolo.layers.conv import ConvLayer, Convolutional
from yolo.layers.dense import ConnectedLayer
from yolo.layers.layer_spec import LayerSpec, Shape, register

if TYPE_CHECKING:
    from collections.abc import Callable

    SubLayer = ConvLayer | ConnectedLayer


class RecurrentLayer(nn.Module):
    """Simple recurrent layer: the hidden state from the input and the previous state, the output from the state.

    Args:
        input_layer: from the input to the state.
        self_layer: from the previous state to the state.
        output_layer: from the state to the output.
        shortcut: add the previous state to the new one.
    """

    def __init__(self, input_layer: SubLayer, self_layer: SubLayer, output_layer: SubLayer, *, shortcut: bool) -> None:
        super().__init__()
        self.input_layer = input_layer
        self.self_layer = self_layer
        self.output_layer = output_layer
        self.shortcut = shortcut

    def forward(self, x: Tensor) -> Tensor:
        from_input = self.input_layer(x)
        previous = torch.zeros_like(from_input)
        state = from_input + self.self_layer(previous)
        y: Tensor = self.output_layer(state + previous if self.shortcut else state)
        return y

    def stored_tensors(self) -> list[Tensor]:
        """Return the tensors in `.weights` order."""
        return [
            *self.input_layer.stored_tensors(),
            *self.self_layer.stored_tensors(),
            *self.output_layer.stored_tensors(),
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class RecurrentSpec(LayerSpec):
    """Keys shared by [rnn] and [crnn]."""

    output: int = 1
    hidden: int = 1
    activation: str = "logistic"
    batch_normalize: bool = False
    shortcut: bool = False

    def __post_init__(self) -> None:
        check_key("output", self.output >= 1, "must be 1 or more")
        check_key("hidden", self.hidden >= 1, "must be 1 or more")

    def weights(self, module: nn.Module) -> list[Tensor]:
        assert isinstance(module, RecurrentLayer)
        return module.stored_tensors()


@register("rnn")
@dataclass(frozen=True, slots=True, kw_only=True)
class Rnn(RecurrentSpec):
    """Keys of [rnn]; `logistic` chooses the activation from state to state: 1 logistic, 2 loggy."""

    logistic: int = 0

    def out_shape(self, *inputs: Shape) -> Shape:
        return Shape(self.output, 1, 1)

    def build(self, *inputs: Shape) -> nn.Module:
        def connected(size: int, outputs: int, activation: str) -> ConnectedLayer:
            return ConnectedLayer(size, outputs, build_activation(activation), normalize=self.batch_normalize)

        recurrent = {1: "logistic", 2: "loggy"}.get(self.logistic, self.activation)
        return RecurrentLayer(
            connected(inputs[0].numel, self.hidden, self.activation),
            connected(self.hidden, self.hidden, recurrent),
            connected(self.hidden, self.output, self.activation),
            shortcut=self.shortcut,
        )


@register("crnn")
@dataclass(frozen=True, slots=True, kw_only=True)
class Crnn(RecurrentSpec):
    """Keys of [crnn], whose three layers are convolutions that must keep the size."""

    size: int = 3
    stride: int = 1
    dilation: int = 1
    groups: int = 1
    pad: bool = False
    padding: int = 0
    xnor: bool = False

    def convolutions(self) -> tuple[Convolutional, Convolutional, Convolutional]:
        """Return the specs of the input, state and output convolutions."""

        def convolution(filters: int) -> Convolutional:
            return Convolutional(
                filters=filters,
                size=self.size,
                stride=self.stride,
                dilation=self.dilation,
                groups=self.groups,
                pad=self.pad,
                padding=self.padding,
                xnor=self.xnor,
                activation=self.activation,
                batch_normalize=self.batch_normalize,
            )

        return convolution(self.hidden), convolution(self.hidden), convolution(self.output)

    def shapes(self, x: Shape) -> tuple[Shape, Shape, Shape]:
        """Return the input shapes of the three convolutions."""
        first, second, _ = self.convolutions()
        hidden = first.out_shape(x)
        check_key(
            "size",
            second.out_shape(hidden) == hidden,
            "must keep the size of the state; use pad=1 and stride=1",
        )
        return x, hidden, hidden

    def out_shape(self, *inputs: Shape) -> Shape:
        return self.convolutions()[2].out_shape(self.shapes(inputs[0])[2])

    def build(self, *inputs: Shape) -> nn.Module:
        layers = [spec.build(x) for spec, x in zip(self.convolutions(), self.shapes(inputs[0]), strict=True)]
        first, second, third = (layer for layer in layers if isinstance(layer, ConvLayer))
        return RecurrentLayer(first, second, third, shortcut=self.shortcut)

    def flops(self, out: Shape, *inputs: Shape) -> int:
        pairs = zip(self.convolutions(), self.shapes(inputs[0]), strict=True)
        return sum(spec.flops(spec.out_shape(x), x) for spec, x in pairs)


@dataclass(frozen=True, slots=True, kw_only=True)
class GatedSpec(LayerSpec):
    """Keys shared by [gru] and [lstm]."""

    output: int = 1
    batch_normalize: bool = False

    def __post_init__(self) -> None:
        check_key("output", self.output >= 1, "must be 1 or more")

    def out_shape(self, *inputs: Shape) -> Shape:
        return Shape(self.output, 1, 1)

    def connected_builder(self) -> Callable[[int], ConnectedLayer]:
        """Return a function that builds a linear layer from a number of inputs to the state."""
        return lambda size: ConnectedLayer(size, self.output, nn.Identity(), normalize=self.batch_normalize)

    def weights(self, module: nn.Module) -> list[Tensor]:
        return [t for layer in module.children() if isinstance(layer, ConnectedLayer) for t in layer.stored_tensors()]


class GruLayer(nn.Module):
    """Gated recurrent unit; modules in `.weights` order: update, reset, candidate of the input, then of the state."""

    def __init__(self, inputs: int, outputs: int, build_connected: Callable[[int], ConnectedLayer]) -> None:
        super().__init__()
        self.input_z, self.input_r, self.input_h = (build_connected(inputs) for _ in range(3))
        self.state_z, self.state_r, self.state_h = (build_connected(outputs) for _ in range(3))

    def forward(self, x: Tensor) -> Tensor:
        from_input = self.input_h(x)
        state = torch.zeros_like(from_input)
        update = torch.sigmoid(self.input_z(x) + self.state_z(state))
        reset = torch.sigmoid(self.input_r(x) + self.state_r(state))
        candidate = torch.sigmoid(from_input + self.state_h(state * reset))
        y: Tensor = update * state + (1 - update) * candidate
        return y


@register("gru")
@dataclass(frozen=True, slots=True, kw_only=True)
class Gru(GatedSpec):
    """Keys of [gru]; the candidate uses a sigmoid, as in Darknet, not tanh."""

    def build(self, *inputs: Shape) -> nn.Module:
        return GruLayer(inputs[0].numel, self.output, self.connected_builder())


class LstmLayer(nn.Module):
    """Long short-term memory; modules in `.weights` order: gates f, i, g, o of the state, then of the input."""

    def __init__(self, inputs: int, outputs: int, build_connected: Callable[[int], ConnectedLayer]) -> None:
        super().__init__()
        self.state_f, self.state_i, self.state_g, self.state_o = (build_connected(outputs) for _ in range(4))
        self.input_f, self.input_i, self.input_g, self.input_o = (build_connected(inputs) for _ in range(4))

    def forward(self, x: Tensor) -> Tensor:
        from_input = self.input_f(x)
        state = memory = torch.zeros_like(from_input)
        forget_gate = torch.sigmoid(self.state_f(state) + from_input)
        input_gate = torch.sigmoid(self.state_i(state) + self.input_i(x))
        candidate = torch.tanh(self.state_g(state) + self.input_g(x))
        output_gate = torch.sigmoid(self.state_o(state) + self.input_o(x))
        y: Tensor = output_gate * torch.tanh(forget_gate * memory + input_gate * candidate)
        return y


@register("lstm")
@dataclass(frozen=True, slots=True, kw_only=True)
class Lstm(GatedSpec):
    """Keys of [lstm]."""

    def build(self, *inputs: Shape) -> nn.Module:
        return LstmLayer(inputs[0].numel, self.output, self.connected_builder())

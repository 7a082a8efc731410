"""An ONNX model in 8 bits: weights, and activations by what pictures give."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from yolo.exporting.graph import INPUT, quiet

if TYPE_CHECKING:
    from collections.abc import Iterable

    from onnx import ModelProto

    from yolo.exporting.runtimes import Pictures


def quantised(model: ModelProto, inputs: Iterable[Pictures]) -> ModelProto:
    """Static quantisation with QuantizeLinear and DequantizeLinear around what is computed in 8 bits.

    Decoding stays in single precision, and so do the convolutions that the heads read: their raw numbers span ten and
    more, of which a small part decides where a box is.

    Args:
        model: single precision, without suppression.
        inputs: pictures like those that it will see, in network inputs of one size.
    """
    import onnx
    from onnxruntime.quantization import CalibrationMethod, QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    with tempfile.TemporaryDirectory() as folder, quiet():
        source, target = Path(folder) / "fp32.onnx", Path(folder) / "int8.onnx"
        # From a file, as a model in memory would be changed; its graph is optimized already.
        onnx.save(model, source)
        quant_pre_process(source, source, skip_optimization=True, skip_symbolic_shape=True)
        quantize_static(
            source,
            target,
            Reader(inputs),
            quant_format=QuantFormat.QDQ,
            activation_type=QuantType.QInt8,
            weight_type=QuantType.QInt8,
            per_channel=True,
            calibrate_method=CalibrationMethod.MinMax,
            nodes_to_exclude=sensitive_nodes(model),
        )
        quantised_model = onnx.load(target)
    # Metadata is written with the file, and these are notes of one step to the next.
    del quantised_model.metadata_props[:]
    return quantised_model


def sensitive_nodes(model: ModelProto) -> list[str]:
    """The nodes that no convolution follows: the last convolutions, and all that decodes."""
    readers: dict[str, list[int]] = {}
    for number, node in enumerate(model.graph.node):
        for name in node.input:
            readers.setdefault(name, []).append(number)
    before_convolution: set[int] = set()
    for number in reversed(range(len(model.graph.node))):  # ONNX lists a node after those that it reads
        after = [reader for name in model.graph.node[number].output for reader in readers.get(name, [])]
        if any(reader in before_convolution or model.graph.node[reader].op_type == "Conv" for reader in after):
            before_convolution.add(number)
    return [node.name for number, node in enumerate(model.graph.node) if number not in before_convolution]


class Reader:
    """Hands pictures to the calibrator: what onnxruntime calls a CalibrationDataReader."""

    def __init__(self, inputs: Iterable[Pictures]) -> None:
        self._inputs = iter(inputs)

    def get_next(self) -> dict[str, Pictures] | None:
        pictures = next(self._inputs, None)
        return None if pictures is None else {INPUT: pictures}

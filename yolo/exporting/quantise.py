"""An ONNX model in 8 bits: weights, and activations by what images give."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from yolo.exporting.graph import INPUT, quiet

if TYPE_CHECKING:
    from collections.abc import Iterable

    from onnx import ModelProto

    from yolo.exporting.runtimes import Images


def quantised(model: ModelProto, inputs: Iterable[Images]) -> ModelProto:
    """Static quantisation with QuantizeLinear and DequantizeLinear around what is computed in 8 bits.

    Decoding stays in single precision, and so do the convolutions that the heads read: of the wide range of their raw
    numbers a small part decides where a box is.

    Args:
        model: single precision, without suppression.
        inputs: images like those that it will see, in network inputs of one size.
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
    """The nodes that stay in single precision.

    Those that no convolution follows: the last convolutions, and all that decodes. And pooling over a border of
    minus infinity, which 8 bits cannot hold.
    """
    nodes = list(model.graph.node)
    readers: dict[str, list[int]] = {}
    for number, node in enumerate(nodes):
        for name in node.input:
            readers.setdefault(name, []).append(number)
    after = [[reader for name in node.output for reader in readers.get(name, [])] for node in nodes]
    before_convolution: set[int] = set()
    for number in reversed(range(len(nodes))):  # ONNX lists a node after those that it reads
        if any(reader in before_convolution or nodes[reader].op_type == "Conv" for reader in after[number]):
            before_convolution.add(number)
    borders = {number for number, node in enumerate(nodes) if node.op_type == "Pad"}
    pooled = {reader for number in borders for reader in after[number]}
    return [
        node.name for number, node in enumerate(nodes) if number not in before_convolution or number in borders | pooled
    ]


class Reader:
    """Hands images to the calibrator: what onnxruntime calls a CalibrationDataReader."""

    def __init__(self, inputs: Iterable[Images]) -> None:
        self._inputs = iter(inputs)

    def get_next(self) -> dict[str, Images] | None:
        images = next(self._inputs, None)
        return None if images is None else {INPUT: images}

"""Quantise an ONNX model to 8 bits: its weights, and its activations with ranges measured on images."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from yolo.exporting.detector_graph import INPUT_NAME, suppress_warnings

if TYPE_CHECKING:
    from collections.abc import Iterable

    from onnx import ModelProto

    from yolo.exporting.runtimes import Images


def quantise_onnx(model: ModelProto, inputs: Iterable[Images]) -> ModelProto:
    """Return the model with static quantisation: QuantizeLinear and DequantizeLinear around what runs in 8 bits.

    Decoding and the convolutions that the heads read stay in single precision: a box depends on a small part of the
    wide range of their values.

    Args:
        model: single precision, without non-maximum suppression; not changed.
        inputs: network inputs of one size, with images like those that the model will run on.
    """
    import onnx
    from onnxruntime.quantization import CalibrationMethod, QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    with tempfile.TemporaryDirectory() as folder, suppress_warnings():
        source, target = Path(folder) / "fp32.onnx", Path(folder) / "int8.onnx"
        # Read from a file, because a model in memory would be changed; its graph is optimized already.
        onnx.save(model, source)
        quant_pre_process(source, source, skip_optimization=True, skip_symbolic_shape=True)
        quantize_static(
            source,
            target,
            CalibrationReader(inputs),
            quant_format=QuantFormat.QDQ,
            activation_type=QuantType.QInt8,
            weight_type=QuantType.QInt8,
            per_channel=True,
            calibrate_method=CalibrationMethod.MinMax,
            nodes_to_exclude=single_precision_nodes(model),
        )
        quantised_model = onnx.load(target)
    # The quantiser leaves notes for its own next step here; the file's metadata is added when it is written.
    del quantised_model.metadata_props[:]
    return quantised_model


def single_precision_nodes(model: ModelProto) -> list[str]:
    """Return the names of the nodes that stay in single precision.

    These are the nodes that no convolution follows (the last convolutions and the decoding), and pooling over a border
    of minus infinity, which 8 bits cannot represent.
    """
    nodes = list(model.graph.node)
    consumers: dict[str, list[int]] = {}  # numbers of the nodes that read a value
    for number, node in enumerate(nodes):
        for name in node.input:
            consumers.setdefault(name, []).append(number)
    successors = [[consumer for name in node.output for consumer in consumers.get(name, [])] for node in nodes]
    before_convolution: set[int] = set()
    for number in reversed(range(len(nodes))):  # ONNX lists a node after those that it reads
        if any(after in before_convolution or nodes[after].op_type == "Conv" for after in successors[number]):
            before_convolution.add(number)
    borders = {number for number, node in enumerate(nodes) if node.op_type == "Pad"}
    pooled = {after for number in borders for after in successors[number]}
    return [
        node.name for number, node in enumerate(nodes) if number not in before_convolution or number in borders | pooled
    ]


class CalibrationReader:
    """Pass images to onnxruntime's calibrator, as a CalibrationDataReader does."""

    def __init__(self, inputs: Iterable[Images]) -> None:
        self._inputs = iter(inputs)

    def get_next(self) -> dict[str, Images] | None:
        images = next(self._inputs, None)
        return None if images is None else {INPUT_NAME: images}

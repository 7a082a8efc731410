from __future__ import annotations

import numpy as np
import onnx
import pytest

from yolo.exporting.quantise import quantise_onnx, single_precision_nodes
from yolo.exporting.runtimes import Runner, build_onnxruntime_runner

# three convolutions, the last of which is decoded
NETWORK = """
<ir_version: 10, opset_import: ["" : 18]>
network (float[batch, 3, height, width] images) => (float[batch, 2, height, width] boxes) {
    [size] shape = Shape(images)
    [conv_1] a = Conv<kernel_shape = [1, 1]>(images, w1)
    [act_1] b1 = LeakyRelu<alpha = 0.1>(a)
    [border] b2 = Pad(b1, pads, lowest)
    [pool] b = MaxPool<kernel_shape = [2, 2]>(b2)
    [conv_2] c = Conv<kernel_shape = [1, 1]>(b, w2)
    [add] d = Add(c, b)
    [conv_3] e = Conv<kernel_shape = [1, 1]>(d, w3)
    [decode_1] f = Sigmoid(e)
    [decode_2] boxes = Mul(f, f)
}
"""


@pytest.fixture
def model() -> onnx.ModelProto:
    model: onnx.ModelProto = onnx.parser.parse_model(NETWORK)
    model.graph.initializer.append(onnx.numpy_helper.from_array(np.array(-np.inf, np.float32), "lowest"))
    model.graph.initializer.append(onnx.numpy_helper.from_array(np.array([0, 0, 0, 0, 0, 0, 1, 1]), "pads"))
    rng = np.random.default_rng(0)
    for name, shape in (("w1", (4, 3, 1, 1)), ("w2", (4, 4, 1, 1)), ("w3", (2, 4, 1, 1))):
        weights = rng.normal(size=shape).astype(np.float32)
        model.graph.initializer.append(onnx.numpy_helper.from_array(weights, name))
    return model


def test_decoding_borders_and_last_convolutions_stay_in_single_precision(model: onnx.ModelProto) -> None:
    assert single_precision_nodes(model) == ["size", "border", "pool", "conv_3", "decode_1", "decode_2"]


def run(model: onnx.ModelProto) -> Runner:
    return build_onnxruntime_runner(model.SerializeToString())


def test_other_convolutions_run_in_8_bits(model: onnx.ModelProto) -> None:
    rng = np.random.default_rng(1)
    images = [rng.random((1, 3, 8, 8), np.float32) for _ in range(4)]
    before = model.SerializeToString()
    small = quantise_onnx(model, images)
    assert model.SerializeToString() == before
    kinds = {array.name: array.data_type for array in small.graph.initializer}
    assert kinds["w3"] == onnx.TensorProto.FLOAT
    assert sorted(name for name, kind in kinds.items() if kind == onnx.TensorProto.INT8 and "w" in name) == [
        "w1_quantized", "w1_zero_point", "w2_quantized", "w2_zero_point",
    ]  # fmt: skip
    exact, rounded = (run(m)(images[0])["boxes"] for m in (model, small))
    assert 0 < np.abs(np.subtract(exact, rounded, dtype=float)).max() < 0.05
    assert run(small)(np.concatenate(images))["boxes"].shape == (4, 2, 8, 8)

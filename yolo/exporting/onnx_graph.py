"""A network as an ONNX model in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from yolo.errors import SettingsError
from yolo.exporting.graph import INPUT, Interface, quiet

if TYPE_CHECKING:
    from onnx import ModelProto
    from torch.export import ExportedProgram

# The first with Mish; onnxruntime 1.14 and OpenCV 5 read it.
OPSET = 18
NO_ONNX = "ONNX needs packages that are not installed; run: pip install 'yolo[onnx]'"


def require_onnx() -> None:
    """Stop, with one line, where ONNX files cannot be written and checked.

    Raises:
        SettingsError: a package is missing.
    """
    try:
        import onnx  # noqa: F401
        import onnxruntime  # noqa: F401
        import onnxscript  # noqa: F401
    except ImportError as error:
        raise SettingsError(f"--format onnx: {NO_ONNX} ({error})") from error


def to_onnx(program: ExportedProgram, interface: Interface) -> ModelProto:
    """Translate a program; the axes of its input and outputs get names.

    By the exporter that starts from `torch.export`: PyTorch keeps the older one, which traces TorchScript, only for a
    while, and its graphs have more than twice the nodes.

    Args:
        program: of a `DetectorGraph`.
        interface: of the same.
    """
    with torch.no_grad(), quiet():
        translated = torch.onnx.export(
            program, (interface.example(),), None, dynamo=True, opset_version=OPSET, verbose=False,
            input_names=[INPUT], output_names=interface.outputs,
        )  # fmt: skip
    assert translated is not None
    model: ModelProto = translated.model_proto
    name_axes(model, interface)
    return model


def name_axes(model: ModelProto, interface: Interface) -> None:
    """Give the open axes names that mean something, in place."""
    shape = model.graph.input[0].type.tensor_type.shape
    names = {shape.dim[axis].dim_param: name for axis, name in interface.open_axes.items()}
    for value in (*model.graph.input, *model.graph.output, *model.graph.value_info):
        for axis, dim in enumerate(value.type.tensor_type.shape.dim):
            if dim.dim_param:
                dim.dim_param = names.get(dim.dim_param) or f"{value.name}_{axis}"

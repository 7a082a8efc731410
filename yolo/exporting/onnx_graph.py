"""Translate an exported program to an ONNX model in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from yolo.errors import SettingsError
from yolo.exporting.detector_graph import INPUT_NAME, GraphSignature, suppress_warnings

if TYPE_CHECKING:
    from onnx import ModelProto
    from torch.export import ExportedProgram

# The first version with Mish; onnxruntime 1.14 and OpenCV 5 read it.
OPSET = 18
MISSING_PACKAGE = "ONNX needs packages that are not installed; run: pip install 'darknet-yolo-torch[onnx]'"


def require_onnx() -> None:
    """Check that ONNX files can be written and run.

    Raises:
        SettingsError: a package is missing.
    """
    try:
        import onnx  # noqa: F401
        import onnxruntime  # noqa: F401
        import onnxscript  # noqa: F401
    except ImportError as error:
        raise SettingsError(f"--format onnx: {MISSING_PACKAGE} ({error})") from error


def program_to_onnx(program: ExportedProgram, signature: GraphSignature) -> ModelProto:
    """Translate a program and name the axes of its input and outputs.

    This uses the exporter built on `torch.export`: PyTorch is retiring the older one, which traces TorchScript, and
    its graphs have more than twice the nodes.

    Args:
        program: the exported program of a `DetectorGraph`.
        signature: input and outputs of the same graph.
    """
    with torch.no_grad(), suppress_warnings():
        translated = torch.onnx.export(
            program, (signature.example_input(),), None, dynamo=True, opset_version=OPSET, verbose=False,
            input_names=[INPUT_NAME], output_names=signature.output_names,
        )  # fmt: skip
    assert translated is not None
    model: ModelProto = translated.model_proto
    name_axes(model, signature)
    return model


def name_axes(model: ModelProto, signature: GraphSignature) -> None:
    """Give the dynamic axes readable names, in place."""
    shape = model.graph.input[0].type.tensor_type.shape
    names = {shape.dim[axis].dim_param: name for axis, name in signature.dynamic_axes.items()}
    for value in (*model.graph.input, *model.graph.output, *model.graph.value_info):
        for axis, dim in enumerate(value.type.tensor_type.shape.dim):
            if dim.dim_param:
                dim.dim_param = names.get(dim.dim_param) or f"{value.name}_{axis}"

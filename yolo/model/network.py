"""A network file as a PyTorch module: sections -> planned graph -> `Darknet`."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from yolo.boxes.box_ops import xyxy_to_cxcywh
from yolo.boxes.darknet_nms import DarknetCandidates
from yolo.boxes.detections import Predictions
from yolo.darknet.cfg_file import CfgFile
from yolo.darknet.cfg_keys import BadValueError
from yolo.darknet.net_section import NetSection
from yolo.darknet.weights_file import WeightsHeader, read_weights, write_weights
from yolo.errors import CfgError, WeightsError
from yolo.layers import HeadSpec, LayerSpec
from yolo.model.activation_checkpointing import Dataflow, Segment, cut, run_checkpointed
from yolo.model.graph import Graph, Node, plan
from yolo.model.stored_weights import read_into, stored_tensors

if TYPE_CHECKING:
    from collections.abc import Sequence

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class LoadedWeights:
    """The result of loading a `.weights` file."""

    path: Path
    seen: int  # number of images that the weights were trained on
    num_layers: int  # number of leading layers that the file covers
    num_values: int


class Darknet(nn.Module):
    """A network built from a planned cfg.

    Args:
        graph: the planned network; `Darknet.from_cfg` plans a cfg itself.

    Attributes:
        graph: the planned network.
        images_seen: number of images that the weights were trained on (`seen` in `.weights`).

    Raises:
        CfgError: a layer is too large to be built.
    """

    def __init__(self, graph: Graph) -> None:
        super().__init__()
        self.graph = graph
        self.images_seen = 0
        self.layers = nn.ModuleList(_build(node) for node in self.nodes)
        for node in self.nodes:
            self._share_parameters(node)
        self._last_use = {source: node.index for node in self.nodes for source in node.sources}
        self._dataflow = Dataflow(
            tuple(node.sources for node in self.nodes),
            tuple(node.out_shape.numel for node in self.nodes),
            graph.results,
        )
        self._whole = self._dataflow.segment(0, len(self.nodes))
        self._segments: tuple[Segment, ...] = ()  # of gradient checkpointing; none without

    @property
    def cfg(self) -> CfgFile:
        """The network file."""
        return self.graph.cfg

    @property
    def net(self) -> NetSection:
        """The [net] section."""
        return self.graph.net

    @property
    def nodes(self) -> tuple[Node, ...]:
        """The planned layers."""
        return self.graph.nodes

    @property
    def heads(self) -> tuple[Node, ...]:
        """The detection heads among them, in file order."""
        return self.graph.heads

    @property
    def has_idle_parameters(self) -> bool:
        """True if trainable parameters get no gradient because no output of `forward` depends on them."""
        read, idle = set(self._whole.outputs), False
        for node in reversed(self.nodes):
            if node.index in read and not node.spec.onlyforward:
                read.update(node.sources)
            else:
                idle |= any(parameter.requires_grad for parameter in self.layers[node.index].parameters())
        return idle

    def gradient_checkpointing_enable(self) -> None:
        """Keep fewer activations for the backward pass and compute the others twice: same numbers, less memory."""
        self._segments = cut(self._dataflow)

    def gradient_checkpointing_disable(self) -> None:
        """Keep all activations for the backward pass again."""
        self._segments = ()

    def _share_parameters(self, node: Node) -> None:
        """Let a layer use the parameters of another one if its cfg says so."""
        try:
            shared_from = node.spec.shared_from(node.index)
            if shared_from is not None:
                node.spec.share_parameters(self.layers[node.index], self.layers[shared_from])
        except BadValueError as error:
            raise error.in_section(node.section) from None

    @classmethod
    def from_cfg(cls, cfg: CfgFile | str | Path) -> Darknet:
        """Build from a cfg: a parsed one, a file, or the name of a shipped one (`yolov3-tiny`).

        Raises:
            CfgError: the file does not describe a network.
        """
        return cls(plan(cfg if isinstance(cfg, CfgFile) else CfgFile.read(cfg)))

    @property
    def num_classes(self) -> int:
        """Number of classes that the heads predict; 0 without a head."""
        return self.graph.num_classes

    @property
    def num_parameters(self) -> int:
        """Number of values in the `.weights` file of the model."""
        return sum(tensor.numel() for tensors in self._stored() for tensor in tensors)

    def forward(self, images: Tensor) -> list[Tensor]:
        """Return the raw outputs.

        Args:
            images: (B, C, H, W) float in 0..1, RGB; H and W may differ from those of the cfg. A network that has only
                `inputs` takes vectors, (B, inputs).

        Returns:
            One raw tensor per head, (B, channels, H', W'), in file order; without a head, only the output of the last
            layer, or of the one before [cost].
        """
        x = images if images.dim() > 2 else images[:, :, None, None]
        if self._segments and self.training and torch.is_grad_enabled():
            outputs = run_checkpointed(self._run, self._segments, list(self.layers), x)
            return [outputs[index] for index in self._whole.outputs]
        return list(self._run(self._whole, x))

    def _run(self, segment: Segment, /, *inputs: Tensor) -> tuple[Tensor, ...]:
        """Return the outputs of a segment that later segments read."""
        values = dict(zip(segment.inputs, inputs, strict=True))
        for node in self.nodes[segment.start : segment.stop]:
            x = self.layers[node.index](*(values[source] for source in node.sources))
            values[node.index] = x.detach() if node.spec.onlyforward else x
            for source in node.sources:
                if self._last_use[source] == node.index and source not in segment.outputs:
                    values.pop(source, None)  # frees feature maps that no later layer reads
        return tuple(values[index] for index in segment.outputs)

    def decode(self, outputs: Sequence[Tensor], image_size: tuple[int, int]) -> Predictions:
        """Decode raw outputs to candidate boxes.

        Args:
            outputs: of `forward`.
            image_size: (height, width) of the images, pixels.
        """
        pairs = []
        for node, raw in zip(self.heads, outputs, strict=True):
            assert isinstance(node.spec, HeadSpec)
            pairs.append(node.spec.decode(raw.float(), image_size))
        return Predictions(torch.cat([boxes for boxes, _ in pairs], 1), torch.cat([scores for _, scores in pairs], 1))

    def candidates(
        self, outputs: Sequence[Tensor], image_size: tuple[int, int], threshold: float
    ) -> list[DarknetCandidates]:
        """Decode raw outputs to the boxes of Darknet's get_network_boxes, one `DarknetCandidates` per image.

        Args:
            outputs: of `forward`.
            image_size: (height, width) of the images, pixels.
            threshold: minimum objectness, and minimum score.
        """
        per_image = []
        for i in range(len(outputs[0])):
            raws = [raw[i : i + 1].float() for raw in outputs]
            heads = [
                _head_candidates(node.spec, raw, image_size, threshold)
                for node, raw in zip(self.heads, raws, strict=True)
            ]
            per_image.append(
                DarknetCandidates(
                    torch.cat([head.boxes_cxcywh for head in heads]),
                    torch.cat([head.objectness for head in heads]),
                    torch.cat([head.scores for head in heads]),
                )
            )
        return per_image

    def load_weights(self, path: str | Path) -> LoadedWeights:
        """Load a `.weights` file, whole or partial (one that ends after some layer, like `darknet53.conv.74`).

        Raises:
            WeightsError: the file is not one, is cut short inside a layer, or holds more than this network stores.
                The model is then unchanged.
        """
        file = read_weights(Path(path))
        num_layers, num_values = read_into(self.layers, self.graph, file)
        self.images_seen = file.header.seen
        return LoadedWeights(file.path, file.header.seen, num_layers, num_values)

    def save_weights(self, path: str | Path, cutoff: int | None = None) -> None:
        """Write a `.weights` file, whole or not at all.

        Args:
            path: of the file.
            cutoff: write only the layers before this one (74 makes a `darknet53.conv.74` of yolov3).
        """
        if cutoff is not None and not 1 <= cutoff <= len(self.nodes):
            raise WeightsError(f"cutoff={cutoff}: use 1..{len(self.nodes)}, the number of layers to write")
        arrays = (t.detach().float().cpu().numpy() for tensors in self._stored()[:cutoff] for t in tensors)
        write_weights(Path(path), WeightsHeader(seen=self.images_seen), arrays)

    def _stored(self) -> list[list[Tensor]]:
        return stored_tensors(self.graph, self.layers)


def _build(node: Node) -> nn.Module:
    try:
        return node.spec.build(*node.in_shapes)
    except RuntimeError as error:  # torch: out of memory, or too many values
        problem = f"[{node.section.name}] on {node.in_shapes[0]} is too large to be built; use smaller numbers"
        raise CfgError(f"{node.section.where()}: {problem}") from error


def _head_candidates(head: LayerSpec, raw: Tensor, image_size: tuple[int, int], threshold: float) -> DarknetCandidates:
    """Return the candidates of a head for one image; raw is (1, ...)."""
    assert isinstance(head, HeadSpec)
    boxes_xyxy, scores = head.decode(raw, image_size)
    objectness = head.objectness(raw)[0]
    kept = torch.ones_like(objectness, dtype=torch.bool) if head.keeps_low_objectness else objectness > threshold
    size = boxes_xyxy.new_tensor([image_size[1], image_size[0]] * 2)
    return DarknetCandidates(
        xyxy_to_cxcywh(boxes_xyxy[0][kept] / size),
        objectness[kept],
        head.thresholded_scores(raw, scores, threshold)[0][kept],
    )

"""Compare small trainings with the C Darknet run on a CPU: loss, updates and weights after each step.

python -m benchmarks.golden_training [FOLDER]
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from benchmarks.darknet_cpu import cpu_forward, use_cpu_norms
from benchmarks.golden_reference import Floats, Golden
from yolo.darknet.cfg_file import CfgFile
from yolo.layers import HeadSpec
from yolo.layers.conv import ConvLayer
from yolo.losses.darknet.darknet_loss import DarknetLoss
from yolo.model.network import Darknet

if TYPE_CHECKING:
    from torch import Tensor

ROOT = Path(__file__).resolve().parents[1]
COLUMNS = ("loss", "updates", "weights", "biases", "scales", "mean", "var")
MIN_SCALE = 1e-12  # values that never change in Darknet must not change here


class GoldenTraining:
    """One training, step by step, with Darknet's update: momentum SGD without Nesterov, decay of weights only.

    Args:
        golden: the golden numbers.
        name: of the training, as `training_names` gives it.
        dtype: of the weights and images.
    """

    def __init__(self, golden: Golden, name: str, dtype: torch.dtype = torch.float32) -> None:
        self.log = golden.json(f"train/{name}.json")
        self.stored = golden.arrays(f"train/{name}.npz")
        self.model = load_model(golden, (golden.folder / "train" / f"{name}.cfg").read_text(), name).to(dtype).train()
        use_cpu_norms(self.model)
        values = np.random.Generator(np.random.PCG64([77, 1])).random(self.log["images"], dtype=np.float32)
        self.images = torch.from_numpy(values).to(dtype)
        heads = [node.spec for node in self.model.heads if isinstance(node.spec, HeadSpec)]
        self.loss = DarknetLoss(heads)
        net = self.model.net
        weights = [p for p in self.model.parameters() if p.dim() > 1]
        others = [p for p in self.model.parameters() if p.dim() == 1]
        groups: list[dict[str, Any]] = [{"params": weights, "weight_decay": net.decay}, {"params": others}]
        self.optimizer = torch.optim.SGD(groups, lr=net.learning_rate, momentum=net.momentum)

    def step(self, number: int) -> dict[str, float]:
        """Take a step; return the largest relative error over the layers of each quantity in COLUMNS."""
        net = self.model.net
        entry = self.log["log"][number]
        first = number * net.batch
        total = 0.0
        self.optimizer.zero_grad()
        for images in np.split(np.arange(first, first + net.batch), net.subdivisions):
            terms = self.loss(
                cpu_forward(self.model, self.images[images]), self._targets(images), (net.height, net.width)
            )
            mean = torch.stack(list(terms.values())).sum() / net.subdivisions
            mean.backward()  # type: ignore[no-untyped-call]
            total += mean.item()
        updates = self._updates()
        for group in self.optimizer.param_groups:
            group["lr"] = entry["rate_used"]
        self.optimizer.step()
        errors = {"loss": abs(total / entry["mean_loss"] - 1)}
        for name, ours in [*updates.items(), *self._values().items()]:
            kind = "updates" if name.endswith("before") else name.rpartition("_")[2]
            theirs = self.stored[f"s{number}_{name}"]
            error = float(np.abs(ours - theirs).max() / max(np.abs(theirs).max(), MIN_SCALE))
            errors[kind] = max(errors.get(kind, 0.0), error)
        return errors

    def _targets(self, images: Any) -> Tensor:
        rows = [
            [batch_index, row[4], *row[:4]]
            for batch_index, image in enumerate(images)
            for row in self.stored["truth"][image]
            if row[0]
        ]
        return torch.tensor(np.array(rows), dtype=self.images.dtype)

    def _named_tensors(self) -> dict[str, tuple[Tensor, str]]:
        """Return Darknet's name -> tensor, and Darknet's name of its updates."""
        named: dict[str, tuple[Tensor, str]] = {}
        for index, layer in enumerate(self.model.layers):
            if not isinstance(layer, ConvLayer):
                continue
            named[f"l{index}_weights"] = (layer.conv.weight, f"l{index}_wupd_before")
            if layer.bn is None:
                assert layer.conv.bias is not None
                named[f"l{index}_biases"] = (layer.conv.bias, f"l{index}_bupd_before")
            else:
                named[f"l{index}_biases"] = (layer.bn.bias, f"l{index}_bupd_before")
                named[f"l{index}_scales"] = (layer.bn.weight, f"l{index}_supd_before")
        return named

    def _updates(self) -> dict[str, Floats]:
        """Return Darknet's accumulated updates: minus the sums of gradients over the images, with momentum."""
        net, updates = self.model.net, {}
        for tensor, name in self._named_tensors().values():
            gradient = torch.zeros_like(tensor) if tensor.grad is None else tensor.grad
            buffer = self.optimizer.state[tensor].get("momentum_buffer")
            if buffer is not None:
                gradient = gradient + net.momentum * buffer
            updates[name] = -net.batch * gradient.flatten().numpy()
        return updates

    def _values(self) -> dict[str, Floats]:
        values = {name: tensor.detach().flatten().numpy() for name, (tensor, _) in self._named_tensors().items()}
        for index, layer in enumerate(self.model.layers):
            if isinstance(layer, ConvLayer) and layer.bn is not None:
                assert layer.bn.running_mean is not None
                assert layer.bn.running_var is not None
                values[f"l{index}_mean"] = layer.bn.running_mean.numpy()
                values[f"l{index}_var"] = layer.bn.running_var.numpy()
        return values


def load_model(golden: Golden, cfg: str, name: str) -> Darknet:
    """Build a network with the recorded initial weights."""
    model = Darknet.from_cfg(CfgFile.parse(cfg, name))
    with tempfile.TemporaryDirectory() as scratch:
        golden.write_weights(cfg, {}, Path(scratch) / "a.weights")
        model.load_weights(Path(scratch) / "a.weights")
    return model


def training_names(golden: Golden) -> list[str]:
    """List the trainings among the golden numbers."""
    return sorted(path.stem for path in (golden.folder / "train").glob("train_*.json"))


def main() -> None:
    """Print a table of errors."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path, default=ROOT.parent / "shared" / "golden")
    golden = Golden(parser.parse_args().folder)
    print("| training | step |", " | ".join(COLUMNS), "|\n|", " --- |" * (len(COLUMNS) + 2))
    for name in training_names(golden):
        training = GoldenTraining(golden, name)
        for number in range(training.log["steps"]):
            errors = training.step(number)
            print(f"| {name} | {number + 1} |", " | ".join(f"{errors[column]:.1e}" for column in COLUMNS), "|")


if __name__ == "__main__":
    main()

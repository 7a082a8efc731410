"""Draw every learning rate policy with its default settings: `python benchmarks/plot_schedules.py FILE.png`.

`cfg` is drawn as yolov3's own [net] makes it.
"""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import get_args

import numpy as np

from yolo.config.optimizer_settings import OptimizerSettings
from yolo.config.schedule_settings import PolicyName, ScheduleSettings
from yolo.darknet.cfg_file import CfgFile
from yolo.darknet.cfg_keys import read_keys
from yolo.darknet.net_section import NetSection
from yolo.training.build_schedule import Phase, build_schedule
from yolo.visualization.figures import add_grid_lines, new_figure, save_figure


def main(path: Path) -> None:
    """A small panel each, learning rate over progress."""
    net = read_keys(NetSection, CfgFile.read("yolov3").net)
    images = int(net.max_batches * net.batch / 100)
    phase = Phase(epochs=100, batch_size=16, batches=1000, images=images, lr=OptimizerSettings().lr)
    figure = new_figure(11, 4.6, dpi=90)
    progress = np.linspace(0, 1, 1500, endpoint=False)
    for panel, name in zip(figure.subplots(2, 5, sharex=True).flat, get_args(PolicyName), strict=True):
        schedule = build_schedule(phase, ScheduleSettings(schedule=name), OptimizerSettings(), net)
        rate = partial(schedule.lr_at, bias=False)
        panel.plot(100 * progress, [rate(100 * share) for share in progress], linewidth=1.5, color="#1f5fa8")
        panel.set_ylim(0, 1.05 * schedule.lr)
        panel.set_title(name, fontsize=10)
        panel.tick_params(labelsize=7)
        add_grid_lines(panel)
    figure.supxlabel("epoch of 100", fontsize=9)
    figure.supylabel("learning rate", fontsize=9)
    save_figure(figure, path)


if __name__ == "__main__":
    main(Path(sys.argv[1]))

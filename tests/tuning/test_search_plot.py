from __future__ import annotations

from pathlib import Path

import cv2

from yolo.config.train_settings import TrainSettings
from yolo.tuning.search_log import Generation
from yolo.tuning.search_plot import plot_generations
from yolo.tuning.search_space import initial_values, search_params


def test_the_plot_grows_with_the_number_of_hyper_parameters(tmp_path: Path) -> None:
    settings = TrainSettings()
    params = search_params(settings)
    values = initial_values(settings, params)
    other = {name: value * 1.1 + 0.01 for name, value in values.items()}
    lines = [
        Generation(run=f"{i}", outcome="done", fitness=0.1 * i, epochs=1, seed=0, values=v)
        for i, v in enumerate([values, other])
    ]
    shapes = []
    for shown in (params, params[:6]):
        plot_generations(lines, shown, tmp_path / "evolve.png")
        image = cv2.imread(str(tmp_path / "evolve.png"))
        assert image is not None
        shapes.append(image.shape)
    assert shapes[0] == (4 * shapes[1][0], shapes[1][1], 3)

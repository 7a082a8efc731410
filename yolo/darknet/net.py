"""The `[net]` record: input size, and Darknet's own training settings."""

from __future__ import annotations

from dataclasses import dataclass

from yolo.darknet.keys import check


@dataclass(frozen=True, slots=True, kw_only=True)
class Net:
    """Keys of `[net]`, with Darknet's defaults. Source: AlexeyAB/darknet src/parser.c parse_net_options (59596d78)."""

    width: int
    height: int
    channels: int = 3
    batch: int = 1
    subdivisions: int = 1
    max_crop: int | None = None
    min_crop: int | None = None

    learning_rate: float = 0.001
    learning_rate_min: float = 1e-5
    momentum: float = 0.9
    decay: float = 0.0001
    adam: bool = False
    B1: float = 0.9
    B2: float = 0.999
    eps: float = 1e-6
    loss_scale: float = 1.0
    max_batches: int = 0
    burn_in: int = 0
    power: float = 4.0
    policy: str = "constant"
    step: int = 1
    scale: float = 1.0
    steps: tuple[int, ...] = ()
    scales: tuple[float, ...] = ()
    seq_scales: tuple[float, ...] = ()
    gamma: float = 1.0
    sgdr_cycle: int | None = None
    sgdr_mult: int = 2

    angle: float = 0.0
    aspect: float = 1.0
    saturation: float = 1.0
    exposure: float = 1.0
    hue: float = 0.0
    flip: bool = True
    blur: int = 0
    gaussian_noise: int = 0
    mixup: int = 0
    cutmix: bool = False
    mosaic: bool = False
    mosaic_bound: bool = False
    letter_box: bool = False
    resize_step: int = 32
    label_smooth_eps: float = 0.0
    ema_alpha: float = 0.0
    max_chart_loss: float = 20.0
    optimized_memory: int = 0
    workspace_size_limit_MB: int = 1024

    def __post_init__(self) -> None:
        for key in ("width", "height", "channels", "batch", "subdivisions"):
            check(key, getattr(self, key) >= 1, "must be 1 or more")

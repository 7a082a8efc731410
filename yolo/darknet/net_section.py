"""The `[net]` section: input size, and Darknet's own training settings."""

from __future__ import annotations

from dataclasses import dataclass

from yolo.darknet.cfg_keys import check_key


@dataclass(frozen=True, slots=True, kw_only=True)
class NetSection:
    """Keys of `[net]`, with Darknet's defaults. Source: AlexeyAB/darknet src/parser.c parse_net_options (59596d78)."""

    width: int = 0
    height: int = 0
    channels: int = 3
    inputs: int = 0  # length of the input vector, for networks that do not take images
    time_steps: int = 1
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
    sequential_subdivisions: int = 1
    dynamic_minibatch: bool = False
    try_fix_nan: bool = False

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
    badlabels_rejection_percentage: float = 0.0
    num_sigmas_reject_badlabels: float = 0.0
    equidistant_point: int = 0
    weights_reject_freq: int = 0
    adversarial_lr: float = 0.0
    attention: bool = False
    contrastive: bool = False
    contrastive_jit_flip: bool = False
    contrastive_color: bool = False
    unsupervised: bool = False
    track: bool = False
    augment_speed: int = 2

    max_chart_loss: float = 20.0
    show_receptive_field: bool = False
    optimized_memory: int = 0
    workspace_size_limit_MB: int = 1024
    use_cuda_graph: bool = False

    def __post_init__(self) -> None:
        size = () if self.inputs else ("width", "height", "channels")
        for key in (*size, "batch", "subdivisions", "time_steps", "step", "sgdr_mult"):
            check_key(key, getattr(self, key) >= 1, "must be 1 or more")
        check_key("inputs", self.inputs >= 0, "must be 0 or more")
        check_key("learning_rate", self.learning_rate > 0, "must be above 0")
        check_key("burn_in", self.burn_in >= 0, "must be 0 or more")
        if self.policy in ("poly", "sgdr"):
            cycle = self.sgdr_cycle if self.policy == "sgdr" else 0
            check_key("max_batches", self.max_batches >= 1 or bool(cycle), f"policy={self.policy} needs 1 or more")

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """Channels, height, width; an input vector has height and width 1."""
        if self.width and self.height:
            return self.channels, self.height, self.width
        return self.inputs, 1, 1

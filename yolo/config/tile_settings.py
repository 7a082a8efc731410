"""Settings of tiles, which training, evaluation and detection share."""

from __future__ import annotations

from dataclasses import dataclass

from yolo.errors import require, require_img_size


@dataclass(frozen=True, kw_only=True)
class TileSettings:
    """Overlapping tiles of large images, for small objects."""

    tile: bool = False
    """Cut large images into overlapping tiles, for small objects; the whole image counts as one more tile."""
    tile_size: int | None = None
    """Side of the tiles, pixels of the image; default: that of the network input."""
    tile_overlap: float = 0.25
    """Overlap of neighbouring tiles as a fraction of their side; objects up to this size are whole in some tile."""

    def __post_init__(self) -> None:
        self.check_tiles(rect=False)

    def check_tiles(self, *, rect: bool) -> None:
        """Check the settings.

        Args:
            rect: value of --rect.

        Raises:
            SettingsError: a value is out of range, or does not go with another.
        """
        require_img_size(self.tile_size, flag="--tile-size")
        require("--tile-size", self.tile_size, self.tile or self.tile_size is None, "it with --tile")
        require("--tile-overlap", self.tile_overlap, 0 <= self.tile_overlap <= 0.9, "a number from 0 to 0.9")
        require("--tile", self.tile, not (self.tile and rect), "one of --tile and --rect: tiles are square")

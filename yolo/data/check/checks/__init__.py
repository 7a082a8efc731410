"""The checks, in the order in which they are told within a level."""

from yolo.data.check.checks import boxes, classes, files, pictures

__all__ = ["boxes", "classes", "files", "pictures"]

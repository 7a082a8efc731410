"""The checks, in the order in which they are told within a level."""

from yolo.dataset_tools.check.checks import box_checks, class_checks, file_checks, image_checks

__all__ = ["box_checks", "class_checks", "file_checks", "image_checks"]

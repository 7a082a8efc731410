"""All checks; within a level, findings are reported in the order of this list."""

from yolo.dataset_tools.check.checks import box_checks, class_checks, file_checks, image_checks

__all__ = ["box_checks", "class_checks", "file_checks", "image_checks"]

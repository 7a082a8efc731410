"""Detections and truth in, numbers and pictures out."""

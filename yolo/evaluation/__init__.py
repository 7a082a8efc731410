"""Detections and truth in, numbers and images out."""

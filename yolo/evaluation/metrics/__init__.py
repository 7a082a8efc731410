"""Metrics of the detections of a split: COCO's, VOC's and Darknet's, confusion, error kinds, confidence curves.

Every function takes an `Index` (the ground truth) and `FlatDetections`, as numpy arrays, and returns numbers. Nothing
here may know a model, a loader, a file, a plot or another process.
"""

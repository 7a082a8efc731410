"""Tools for data sets on disk: check and fix, convert, split, fit anchors.

Knows how data sets are read (`yolo.data`) and networks' anchors. Knows no losses, no training and no evaluation.
"""

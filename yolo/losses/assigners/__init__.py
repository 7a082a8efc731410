"""Assign the predictions of [yolo] heads to ground truth boxes, one file for each rule.

Assigners know anchors, grids and predictions. They know no loss terms and no settings record.
"""

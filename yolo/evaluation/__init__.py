"""Evaluation of a network on a labelled split: detections, metrics, tables, plots, reports and result files.

`evaluate_model` runs a network over a split, `metrics/` scores the detections, `suspects/` judges the labels by them,
the other modules show or write the results. Training uses the same loader, evaluator and plots. This room must not know
training or exporting; only `suspects/` knows losses.
"""

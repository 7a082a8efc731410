"""Loggers of a run: TensorBoard, wandb, MLflow, one per file; `base.py` has their interface."""

"""Loss functions: raw head outputs and targets in, named loss terms out.

One file for each loss: `task_aligned_loss`, `anchor_iou_loss` and `darknet/`; `registry` builds them by the name of
--loss. `assigners/` assigns predictions to ground truth. This room knows head records (`yolo.layers`), but no data set,
no optimizer and no training loop.
"""

"""Box formats, the IoU family and non-maximum suppression, on plain tensors.

This room knows nothing of anchors, losses, networks or files. Boxes carry their format in their name: `xyxy` is left,
top, right, bottom; `cxcywh` is centre x, centre y, width, height.
"""

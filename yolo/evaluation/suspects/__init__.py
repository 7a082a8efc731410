"""`yolo.data suspects`: the images whose labels a trained network disagrees with, and their loss."""

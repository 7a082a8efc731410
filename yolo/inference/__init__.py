"""Run a trained network on images, videos and streams, and hold, draw or write the results.

Knows models, boxes and how images are read. Knows no ground truth, no losses and no metrics: those are
`yolo.evaluation`'s, which uses the detectors of this room.
"""

"""Sources of frames: image files, arrays, videos, cameras and network streams.

A source yields `Frame`s and knows no network.
"""

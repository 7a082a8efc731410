"""Keeps decoded training images, resized to the input's longer side, for all workers of a process.

A cache has one slot an image, in one flat array whose size is known beforehand: it never grows. Whoever needs a
image first fills its slot, and marks it when the pixels are there; two that fill it at once write the same pixels.
What has no slot is decoded each time.
"""

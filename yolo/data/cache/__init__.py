"""Keeps decoded training pictures, resized to the input's longer side, for all workers of a process.

A cache has one slot a picture, in one flat array whose size is known beforehand: it never grows. Whoever needs a
picture first fills its slot, and marks it when the pixels are there; two that fill it at once write the same pixels.
What has no slot is decoded each time.
"""

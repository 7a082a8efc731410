"""Cache of decoded training images, resized to the longer side of the input, for all workers of a process.

A cache has one slot per image in a flat array of fixed size, so it never grows. The first worker that needs an image
fills its slot and then marks it; two workers that fill it at once write the same pixels. Images without a slot are
decoded each time.
"""

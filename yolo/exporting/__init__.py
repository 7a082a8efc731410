"""Export a trained network to files for other programs, and check each file.

Knows the file formats, the programs that run them, and the images they are checked and evaluated on. Must not know
training or tuning.
"""

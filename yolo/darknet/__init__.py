"""Darknet's file formats as data. Knows no `nn.Module`."""

"""Darknet's files as data (.cfg, .data, .names, .weights), and images read and resized as Darknet does it.

This room knows text, bytes and arrays; it must not know layers, networks or how a dataset is loaded.
"""

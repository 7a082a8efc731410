"""Observers of a run, one per file: files, loggers, progress, signals, uploads."""

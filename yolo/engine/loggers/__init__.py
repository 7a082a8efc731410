"""Where a run's numbers and images go, one file each; `base.py` says what a logger is."""

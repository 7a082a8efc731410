"""Where a run's numbers and pictures go, one file each; `base.py` says what a logger is."""

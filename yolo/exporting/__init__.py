"""A trained network as a file for other programs: written, read back, run, compared."""

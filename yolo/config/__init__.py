"""Settings of all programs as typed records, recipes, and the command line.

Field names are flags and recipe keys; field docstrings are their help. Imports no PyTorch, so that `--help` is quick,
and knows none of the parts that the settings are for.
"""

"""Raw head outputs and targets in, named loss terms out."""

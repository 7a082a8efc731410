"""Search for better hyper-parameters."""

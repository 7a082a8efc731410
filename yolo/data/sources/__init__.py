"""Data-set formats: each module reads one of them into an `Index`."""

"""Box arithmetic and non-maximum suppression on tensors."""

"""Augmentation of training images; each transform is a pure function of (sample, rng)."""

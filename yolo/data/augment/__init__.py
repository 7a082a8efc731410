"""How training images are varied: each change is a pure function of (sample, rng)."""

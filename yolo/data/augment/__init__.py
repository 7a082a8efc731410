"""How training pictures are varied: each change is a pure function of (sample, rng)."""

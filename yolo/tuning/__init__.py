"""Search for better hyper-parameters: one training run per generation, logged in evolve.csv.

Knows training as a whole and the settings it varies. Must not know models, data or losses.
"""

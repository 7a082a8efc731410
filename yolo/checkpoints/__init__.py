"""Read and write the tensors of a model: checkpoints, safetensors, older trainers' files, and published weights.

Knows files and the model that they fill. Must not know training, data sets or exporting.
"""

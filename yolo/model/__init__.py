"""Networks: a cfg planned as a graph, and the module built from it.

Knows cfg files and layers. Knows no data set, loss or training: fusing, frozen layers, input sizes and activation
checkpointing are functions of the graph or the module.
"""

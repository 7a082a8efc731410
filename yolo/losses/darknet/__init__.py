"""Darknet's own losses, which write deltas (minus gradients) directly instead of deriving them from a cost.

`darknet_loss` joins them; there is one file for each kind of head. This room knows the keys of the head sections. It
knows no `LossSettings`.
"""

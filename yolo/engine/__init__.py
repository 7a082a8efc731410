"""The training loop and its parts: schedule, optimizer, precision, EMA, freezing, callbacks, loggers.

Knows no cfg and no boxes: a model, a loss function and a loader are enough, as the tests show.
"""

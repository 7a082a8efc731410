"""Settings to parts: builds the model, data, optimizer and callbacks of a run, trains, and reports.

Each `build_*` module takes the settings and returns one part; `build_training` puts the parts together. The loop itself
is in `yolo.engine`. Nothing below this room sees the whole tree of settings.
"""

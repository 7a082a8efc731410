"""Images and labels on disk in, batches out: formats, index, dataset, augmentation, cache, samplers, loader.

`formats/` reads data sets into an `Index` of flat arrays, `writers/` writes them, `dataset.py` makes network inputs of
the images, `loader.py` batches them. Never imports the model, the losses or the engine.
"""

"""Images and labels on disk in, batches out. Never imports the model or the engine."""

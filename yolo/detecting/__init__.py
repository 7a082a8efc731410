"""What the detect program and `yolo.load` do: find objects in whatever holds pictures."""

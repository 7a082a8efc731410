"""What is wrong with a data set: every image and label is read, no fault stops the reading."""

"""What is wrong with a data set: every picture and label is read, no fault stops the reading."""

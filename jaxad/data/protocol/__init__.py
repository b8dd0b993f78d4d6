"""From a data set to training and test data: contamination, labels, splits, exposure."""

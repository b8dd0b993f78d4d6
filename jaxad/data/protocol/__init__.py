"""The experimental protocol: contamination, labels, splits and outlier exposure."""

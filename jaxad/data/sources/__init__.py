"""Where data comes from: files, folders, bundled and synthetic data sets."""

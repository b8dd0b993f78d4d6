"""Sources of data: files, folders, bundled, synthetic and registered data sets."""

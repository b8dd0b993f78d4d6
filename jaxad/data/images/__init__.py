"""Pictures in folders: finding files, recognising layouts, decoding, and reading in pieces."""

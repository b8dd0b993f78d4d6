"""Tables as people have them: reading, roles of columns, labels and encoding as numbers."""

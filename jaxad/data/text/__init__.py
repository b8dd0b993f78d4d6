"""Text data: documents, vocabularies and word vectors."""

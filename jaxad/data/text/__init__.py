"""Texts as rows of word numbers, and word vectors."""

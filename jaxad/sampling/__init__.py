"""Samplers: the training rows that make up each batch, drawn on the device."""

"""Samplers: which training rows make up each batch, drawn on the device."""

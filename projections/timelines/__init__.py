"""Timelines: their newest document and the films made of them."""

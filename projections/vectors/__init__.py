"""Vectors: what texts mean, by which model."""

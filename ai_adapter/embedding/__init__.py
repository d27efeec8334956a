"""Texts into vectors on this machine, without a provider and without a network."""

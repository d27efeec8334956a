"""Policies: their versions, and which one counts."""

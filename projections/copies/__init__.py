"""Copies: texts that were written and approved."""

"""Prompts: their versions, and which one is live."""

"""Chains of tools: their newest steps, their runs, and what each step made."""

"""Experiments: their plans, who met which arm, and what came of it."""

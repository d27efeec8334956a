"""Budgets for AI calls, and what was set aside under them."""

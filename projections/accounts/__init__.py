"""Accounts: connections to platforms."""

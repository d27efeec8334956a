"""Kills at named points under random traffic, judged by an oracle of their own."""

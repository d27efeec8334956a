"""Timers the dispatcher fires."""

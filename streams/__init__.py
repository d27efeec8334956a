"""The log and everything that decides, reacts and works on it."""

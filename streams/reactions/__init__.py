"""Pure functions from an event to commands, named after what they bring about."""

"""What became of each command."""

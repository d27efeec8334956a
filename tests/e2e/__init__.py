"""Stories told on a whole installation, as a user would."""

"""What AI calls cost, whose they were, and which model answered."""

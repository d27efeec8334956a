"""What a text may not say, by law and by platform, and who judged it."""

"""Odd, broken and hostile files, each with the verdict it must get."""

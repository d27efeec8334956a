"""Subtitles: the words shown with assets, by language and version."""

"""Subtitles: words with times become cues that can be read, in files people can use."""

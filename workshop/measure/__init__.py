"""Measures what takes too long for a lesson, one program a file, into data/."""

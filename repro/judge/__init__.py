"""Verdicts on runs that others made, read from one tidy table."""

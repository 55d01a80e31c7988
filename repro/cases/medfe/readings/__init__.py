"""Readings of the paper and scales, as files: merged, compared, and written into params.yaml."""

"""Photographs: from the files of a source to memory-mapped squares with structure targets, split by photograph."""

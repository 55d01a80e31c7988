"""Photographs: from the files of a data set to memory-mapped crops with structure targets, split by photograph."""

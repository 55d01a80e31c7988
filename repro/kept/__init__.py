"""A study as it is kept beside its page: few small files from which every number can be rebuilt, and what was said.

What a run was made by, which case it is of, and where it was run leave no trace here but names and hashes: neither
torch nor DVC, git or the case's own code are needed to read what is kept and to say what follows from it.
"""

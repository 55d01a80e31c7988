"""The report of a study: what its notebook calls, and how its page is made."""

"""Around the cells of a study: what they share, what they depend on, what became of them, what they cost."""

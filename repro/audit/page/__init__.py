"""The page of a study: tables of an analysis flow in, HTML and figures flow out. Computes no statistics."""

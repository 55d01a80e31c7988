"""Running the runs of a study: which are missing, many at once, here or on a cluster, and back as tables."""

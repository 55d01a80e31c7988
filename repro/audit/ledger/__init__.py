"""What a paper leaves open: details, options, where each was read, and when they have an effect."""

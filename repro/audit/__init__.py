"""The audit machinery: what a paper leaves open, and what the answers change. Knows nothing of inpainting."""

"""Training: batches and their prefetching, the adversarial step, the loop around it, and what it leaves on disk."""

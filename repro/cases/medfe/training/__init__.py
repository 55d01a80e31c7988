"""From arrays to a trained generator: batches, one step of both players, the loop around it, and its resume state."""

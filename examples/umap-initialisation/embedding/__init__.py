"""The audit of a claim on two embeddings, UMAP and t-SNE: `case` says what is open, `run` makes one run."""

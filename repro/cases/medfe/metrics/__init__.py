"""What turns a filled image into numbers: a record for each metric, and batched functions of tensors."""

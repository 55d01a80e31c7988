"""What turns a filled image into numbers; batched functions of tensors that know no files and no model."""

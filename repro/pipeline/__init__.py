"""The steps of the DVC pipeline, one module each: load and check params, lock, call one function, write outputs."""

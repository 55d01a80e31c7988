"""From fills to tables: every method on the same images and holes, one row for each.

`baselines` and `model` are the two entry points; they meet in a table only, so that a change of the model never
measures the baselines again.
"""

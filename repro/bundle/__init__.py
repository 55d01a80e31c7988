"""A study as one file that anybody can check: an RO-Crate in a zip archive, written, verified, compared.

A bundle is made of a kept report (`repro.kept`) and holds all that its numbers follow from; whoever verifies it needs
this toolkit's base and nothing else. Here too is the check that costs more: making runs again.
"""

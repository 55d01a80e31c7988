"""A sparse direct solver for pixel grids: nested dissection, assembly of frontal matrices, elimination.

Source: George 1973 for the order of elimination; Duff & Reid 1983 for its form as dense algebra on small matrices.
"""

"""A judgement as people read it: in a terminal, as JSON, in a pull request, on a page, as a badge."""

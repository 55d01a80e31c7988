"""The report: a notebook without logic, what its cells call, and the page that is made of it."""

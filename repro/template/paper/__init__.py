"""The paper under audit: what it leaves open, and how one run of it is made."""

"""What is said after everything has run: noise floor, effects, verdicts, claims. Tables flow in and out."""

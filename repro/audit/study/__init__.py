"""What is declared before anything runs: a study, its design, its runs."""

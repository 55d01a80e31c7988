"""What is declared before anything runs: a study, its design, its cells."""

"""The audit machinery: what a paper leaves open, and what the answers change. No case is known here."""

"""The page of a study: sections that show the tables of an analysis. No statistic is computed here."""

"""Learning from doing: an explorer that knows no task, and the same explorer with what it recalls."""

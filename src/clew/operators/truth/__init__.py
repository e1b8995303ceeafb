"""What holds: statements decided between, settled into intervals, supported by their words, doubted when a premise changes."""

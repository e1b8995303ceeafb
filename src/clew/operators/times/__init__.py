"""Words of time turned into intervals."""

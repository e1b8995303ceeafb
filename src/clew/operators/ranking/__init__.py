"""The second look at what was found: features, a learned sum, and reading an answer off the best."""

"""The arena: memory systems over the same data, through the public door, with controls and intervals."""

"""One published memory system a module, found by name; never imported by the core."""

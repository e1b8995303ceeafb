"""Other systems' calling conventions onto Clew's door: one file a convention, none with a memory of its own."""

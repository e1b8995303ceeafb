"""Working memory: a session's messages word for word, what is shown of them, and how that fits a budget."""

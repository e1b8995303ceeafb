"""Plans as memories: tasks and slots that lie under one another and rest on one another."""

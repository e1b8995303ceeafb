"""Agents doing work through the log: a plan is a graph, its state a fold over events, its execution resumable."""

from clew.tasks.door import Tasks
from clew.tasks.graph import Action, Edge, Element, Limits, Node, Outcome, Page, TaskGraph, Verdict

__all__ = ["Action", "Edge", "Element", "Limits", "Node", "Outcome", "Page", "TaskGraph", "Tasks", "Verdict"]

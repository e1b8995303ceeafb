"""The executor `stepfly`, by its name."""

from clew.tasks.stepfly.executor import executor

__all__ = ["executor"]

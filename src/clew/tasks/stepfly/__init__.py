"""StepFly: a troubleshooting guide is linted, compiled into a graph, and carried out against a database.

    report = lint(text, RULES, Sources(database="incident.db"))             # the Mentor's notes, before anything is compiled
    graph, _ = task(text, incident, "incident.db", accept=mechanical)       # amended by what is accepted, then compiled
    state = Tasks(clew).run(graph)                                          # clew.tasks runs it, under its firing rule
    concluded(state.results)                                                # step, advice, subject, because

After StepFly (arXiv 2510.10074), from a description of it and from the public guides; no code of theirs was used.
"""

from clew.tasks.stepfly.compile import mechanical, task
from clew.tasks.stepfly.conclusion import Concluded, concluded
from clew.tasks.stepfly.executor import executor
from clew.tasks.stepfly.guide import Guide, read
from clew.tasks.stepfly.mentor import Issue, Report, amended, lint
from clew.tasks.stepfly.plan import differences, graph, plan_dag
from clew.tasks.stepfly.plugins import Plugin, plugins
from clew.tasks.stepfly.rules import RULES, Sources

__all__ = [
    "RULES",
    "Concluded",
    "Guide",
    "Issue",
    "Plugin",
    "Report",
    "Sources",
    "amended",
    "concluded",
    "differences",
    "executor",
    "graph",
    "lint",
    "mechanical",
    "plan_dag",
    "plugins",
    "read",
    "task",
]

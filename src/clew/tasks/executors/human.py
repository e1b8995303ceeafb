"""A person: the task waits, in the log, until somebody answers, from any process.

Inputs: question (the node's goal without one), choices (a list of answers to choose from; free text without). Outputs: answer, and what
else the reply holds (who gave it, a note). With choices, an edge whose target or name is the answer is taken and other such edges are not.
"""

from clew.tasks.graph import Node, Outcome
from clew.tasks.protocols import Job
from clew.tasks.values import given, only


class Human:
    """Asks, and is run again with the answer."""

    def run(self, node: Node, ctx: Job) -> Outcome:
        """Waiting with the question; finished with the answer; waiting again where the answer is none of the choices."""
        only(node, "question", "choices")
        choices = [str(c) for c in given(node, "choices", list, [])]
        question = given(node, "question", str, node.goal or "Go on?")
        asked = {"question": question, **({"choices": choices} if choices else {})}
        if ctx.reply is None:
            return Outcome("waiting", asked, steps=0)
        answer = ctx.reply.get("answer")
        if answer is None or (choices and answer not in choices):
            right = f"one of {', '.join(choices)}" if choices else "any text"
            return Outcome("waiting", {**asked, "question": f"{question} (the answer {answer!r:.60} is not {right})"}, steps=0)
        leaving = {e.target: e for e in ctx.graph.out_of(node.id)}
        named = {target for target, edge in leaving.items() if {target, edge.name} & set(choices)}
        taken = {target: answer in (target, leaving[target].name) for target in named}
        return Outcome("finished", dict(ctx.reply), taken)


executor = Human()

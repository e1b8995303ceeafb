"""Spans in OpenTelemetry's GenAI conventions for memory, at every door, where its API is installed; no content goes into them."""

from collections.abc import Iterator
from contextlib import contextmanager

try:
    from opentelemetry import trace
except ImportError:  # optional: without it there are no spans
    trace = None

# Our verbs in the words of the conventions (gen_ai.operation.name).
OPERATIONS = {
    "recall": "search_memory",
    "prompt": "search_memory",
    "ask": "search_memory",
    "record": "create_memory",
    "revise": "update_memory",
    "retire": "update_memory",
    "forget": "delete_memory",
}


@contextmanager
def span(verb: str, record: str | None = None) -> Iterator[None]:
    """A span around a verb, one of OPERATIONS, named as the conventions name it."""
    if trace is None:
        yield
        return
    operation = OPERATIONS[verb]
    facts = {"gen_ai.operation.name": operation, "gen_ai.provider.name": "clew"}
    if record is not None:
        facts["gen_ai.memory.record.id"] = record
    with trace.get_tracer("clew").start_as_current_span(operation, attributes=facts, record_exception=False) as current:
        try:
            yield
        except BaseException as error:
            current.set_attribute("error.type", type(error).__name__)
            raise

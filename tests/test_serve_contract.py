"""The service against its own description: schemathesis makes requests out of it, good and bad, and checks what comes back."""

from collections.abc import Iterator
from typing import Any

import pytest

schemathesis = pytest.importorskip("schemathesis", reason="needs schemathesis")
pytest.importorskip("fastapi", reason="needs the extra [serve]")
pytest.importorskip("uvicorn", reason="needs the extra [serve]")

from hypothesis import HealthCheck, Phase, given, settings  # noqa: E402
from hypothesis.errors import Unsatisfiable  # noqa: E402
from schemathesis.core.failures import FailureGroup  # noqa: E402
from schemathesis.generation import GenerationMode  # noqa: E402
from schemathesis.specs.openapi.checks import positive_data_acceptance  # noqa: E402
from served import Service, served  # noqa: E402

from clew import Clew  # noqa: E402

EXAMPLES = 3  # for each operation and mode


@schemathesis.serializer("application/x-ndjson")
def lines(ctx: Any, value: Any) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "surrogatepass")


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with Clew(tmp_path_factory.mktemp("contract") / "memory.db") as memory, served(memory) as running:
        memory.record("I moved to Lisbon in May", user="ana", session="s1")
        yield running


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.name.lower())
def test_every_answer_is_one_that_the_description_names(service: Service, mode: GenerationMode) -> None:
    headers = {"Authorization": f"Bearer {service.key('admin')}"}
    schema = schemathesis.openapi.from_url(f"http://127.0.0.1:{service.port}/openapi.json", headers=headers)
    tried, wrong = 0, []
    for found in schema.get_all_operations():
        operation = found.ok()

        @given(case=operation.as_strategy(generation_mode=mode))
        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            derandomize=True,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        def answers(case: Any) -> None:
            # what a shape cannot say (an instant that exists, a recipe with tools) the engine says, by a 400
            case.call_and_validate(headers=headers, excluded_checks=[positive_data_acceptance])

        try:
            answers()
        except Unsatisfiable:
            continue  # there is nothing wrong that could be sent
        except FailureGroup as failures:
            wrong.append("\n".join(f"{operation.label}: {failure}" for failure in failures.exceptions))
        tried += 1
    assert tried > 30 and not wrong, "\n\n".join(wrong)

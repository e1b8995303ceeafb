"""Write packages/clew-client-ts/src/schema.d.ts: the types of the service's description, for the TypeScript client.

usage: python tools/build_client_ts.py [--check]

Needs node and `npm ci` in that folder, but for `--check`, which says whether the file is of the description as it is now. They are
compared by a digest of what a client sees of it: operations, parameters, the shapes that go in and out. How a release of
pydantic words the rest is no difference.
"""

import hashlib
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from clew import Clew
from clew.serve.access import Access
from clew.serve.app import application

PACKAGE = Path(__file__).parents[1] / "packages" / "clew-client-ts"
TYPES = PACKAGE / "src" / "schema.d.ts"
SAID = ("properties", "required", "type", "$ref", "items", "prefixItems", "anyOf", "enum", "const", "additionalProperties")


def described() -> dict[str, Any]:
    """The description that a service gives of itself at /openapi.json."""
    with tempfile.TemporaryDirectory() as folder, Clew(Path(folder, "memory.db")) as memory:
        return application(memory, Access(memory.log)).openapi()


def seen(description: dict[str, Any]) -> str:
    """A digest of what a client sees, as hex."""
    operations = {
        each["operationId"]: [method, path, sorted(p["name"] for p in each.get("parameters", [])), _bodies(each)]
        for path, methods in description["paths"].items()
        for method, each in methods.items()
    }
    schemas = {name: _shape(schema) for name, schema in description["components"]["schemas"].items()}
    return hashlib.sha256(json.dumps([operations, schemas], sort_keys=True).encode()).hexdigest()


def _bodies(operation: dict[str, Any]) -> Any:
    bodies = {"in": operation.get("requestBody", {}), **operation["responses"]}
    return {which: {kind: _shape(c.get("schema", {})) for kind, c in body.get("content", {}).items()} for which, body in bodies.items()}


def _shape(schema: Any) -> Any:
    """A schema without words, bounds and defaults."""
    if isinstance(schema, list):
        return [_shape(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    found = {name: _shape(schema[name]) for name in SAID if name in schema and name not in ("properties", "required")}
    if "properties" in schema:
        found["properties"] = {name: _shape(each) for name, each in schema["properties"].items()}
        found["required"] = sorted(schema.get("required", []))
    return found


def main(*words: str) -> None:
    """Write the file, or check it."""
    description = described()
    mark = f"// of a description whose sha256, as tools/build_client_ts.py takes it, is {seen(description)}\n"
    if "--check" in words:
        if not TYPES.read_text(encoding="utf-8").startswith(mark):
            sys.exit(f"{TYPES.name} is not of the description as it is now: run `npm ci` in {PACKAGE.name}, then tools/build_client_ts.py")
        return
    made = subprocess.run(
        [PACKAGE / "node_modules/.bin/openapi-typescript"],
        input=json.dumps(description),
        capture_output=True,
        text=True,
        check=True,
        cwd=PACKAGE,
    )
    TYPES.write_text(mark + made.stdout, encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])

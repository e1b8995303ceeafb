"""Secrets for executors: a plan says `${NAME}`, and only what carries it out has the value, at the moment it is used.

What an executor gives back goes through `closed`, so that no value comes into the log or before a model.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from clew.errors import UsageError
from clew.privacy.credentials import credentials

PREFIX = "CLEW_SECRET_"  # of the environment's variables that a plan may name: CLEW_SECRET_TOKEN is ${TOKEN}
LEAST = 4  # characters of a value that is looked for in what comes back
_PLACE = re.compile(r"\$\{([A-Za-z_]\w*)\}")


def unnamed(node: str, where: str, text: str) -> None:
    """UsageError where a text that is about to leave the process holds a key or a password in plain words."""
    if spans := [s for s in credentials(text) if "${" not in text[s.start : s.end]]:
        raise UsageError(
            f"node {node}: the {where} holds what looks like a secret ({spans[0].kind.lower()}) and was not sent;"
            f" keep it in the environment as {PREFIX}NAME and write ${{NAME}}"
        )


@dataclass(frozen=True, slots=True)
class Vault:
    """Values by name; without any, those of the environment that begin with CLEW_SECRET_."""

    given: Mapping[str, str] | None = field(default=None, repr=False)

    def values(self) -> Mapping[str, str]:
        """What there is now."""
        if self.given is not None:
            return self.given
        return {name.removeprefix(PREFIX): value for name, value in os.environ.items() if name.startswith(PREFIX)}

    def named(self, text: str) -> dict[str, str]:
        """The values of those secrets that a text names."""
        values = self.values()
        return {name: values[name] for name in _PLACE.findall(text) if name in values}

    def opened(self, value: Any) -> Any:
        """The value with every `${NAME}` filled in; UsageError where there is no such secret."""
        if isinstance(value, Mapping):
            return {k: self.opened(v) for k, v in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.opened(v) for v in value]
        return _PLACE.sub(self._secret, value) if isinstance(value, str) else value

    def closed(self, value: Any) -> Any:
        """The value with every secret in it as `${NAME}` again."""
        if isinstance(value, Mapping):
            return {k: self.closed(v) for k, v in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.closed(v) for v in value]
        if isinstance(value, str):
            for name, secret in sorted(self.values().items(), key=lambda item: -len(item[1])):
                if len(secret) >= LEAST:
                    value = value.replace(secret, f"${{{name}}}")
        return value

    def _secret(self, match: re.Match[str]) -> str:
        values = self.values()
        if match[1] not in values:
            known = ", ".join(sorted(values)) or "none"
            raise UsageError(f"there is no secret {match[1]!r}; there are {known}; set {PREFIX}{match[1]} in the environment")
        return values[match[1]]

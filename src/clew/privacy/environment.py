"""Secrets that are named and not said: `env:NAME` stands for an environment variable."""

import os

from clew.errors import UsageError

PREFIX = "env:"


def secret(given: str, what: str) -> str:
    """The secret itself, or that of the variable it names; UsageError where there is no such variable. `what` names it so."""
    if not given.startswith(PREFIX):
        return given
    name = given.removeprefix(PREFIX)
    if not os.environ.get(name):
        raise UsageError(f"the environment variable {name!r} that {what} names is not set")
    return os.environ[name]

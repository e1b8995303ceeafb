"""What can go wrong, sorted by who can act.

ClewError
├─ UsageError         the caller asked for something impossible            exit 2   HTTP 400
├─ NotFound           no such event, memory, recipe, generation, file      exit 3   HTTP 404
├─ MissingExtra       an optional part is not installed                    exit 4   HTTP 501
├─ BudgetExceeded     a limit on model calls was reached; nothing spent    exit 5   HTTP 429
├─ Denied             this file or principal may not do that               exit 6   HTTP 403
├─ RecipeError        an operator broke its contract                       exit 7   HTTP 500
├─ ModelError         a model's answer was not in the form asked for       exit 8   HTTP 502
│  └─ Withheld        the answer was erased with what it rested on         exit 8   HTTP 502
├─ ModelUnavailable   time-out, rate limit, refused connection: try again  exit 9   HTTP 503
├─ ReplayMiss         a rebuild needs an answer that was never kept        exit 10  HTTP 409
├─ StorageFull        the disk or the file's limit is reached              exit 11  HTTP 507
├─ StorageBusy        another process holds the file; try again            exit 13  HTTP 503
└─ LogCorrupt         a row does not match its hash, or the file is broken exit 12  HTTP 500
"""


class ClewError(Exception):
    """The root: catch this to catch everything Clew raises on purpose."""

    exit_code = 1
    http_status = 500


class UsageError(ClewError):
    """The call cannot be carried out as it stands; the message says which value is wrong and what would be right."""

    exit_code = 2
    http_status = 400


class NotFound(ClewError):
    """Nothing has that id or name; list what there is with `clew status`, `clew recipes` or `Clew.memories`."""

    exit_code = 3
    http_status = 404


class MissingExtra(ClewError):
    """An optional part is not installed; the message holds the command that installs it."""

    exit_code = 4
    http_status = 501

    def __init__(self, extra: str, what: str) -> None:
        super().__init__(f"{what} needs the extra [{extra}]: pip install 'clew[{extra}]'")
        self.extra = extra


class BudgetExceeded(ClewError):
    """A budget forbids this model call; it was not made. Raise the budget or wait for the day to end (UTC)."""

    exit_code = 5
    http_status = 429


class Denied(ClewError):
    """The file was opened read-only, or this principal may not do that."""

    exit_code = 6
    http_status = 403


class RecipeError(ClewError):
    """An operator broke its contract; the fault row names the recipe, the operator and the event."""

    exit_code = 7


class ModelError(ClewError):
    """A model's answer was not in the form asked for, after every attempt; the attempts are kept in the log."""

    exit_code = 8
    http_status = 502


class Withheld(ModelError):
    """The answer that stood here was erased by `forget`; a recipe takes its way without a model until a `rederive` event."""


class ModelUnavailable(ClewError):
    """The model did not answer (time-out, rate limit, refused); the work stays due and is tried again."""

    exit_code = 9
    http_status = 503

    def __init__(self, message: str, after: float = 1.0) -> None:
        super().__init__(message)
        self.after = after  # seconds until it is worth trying again


class ReplayMiss(ClewError):
    """A rebuild needs a model answer that was never kept; `rebuild(ask=Budget(...))` may ask for it anew."""

    exit_code = 10
    http_status = 409


class StorageFull(ClewError):
    """The disk is full; nothing of the failed call was stored, and everything acknowledged before it is safe."""

    exit_code = 11
    http_status = 507


class StorageBusy(ClewError):
    """Another process held the file for too long; nothing of this call was stored: call again."""

    exit_code = 13
    http_status = 503


class LogCorrupt(ClewError):
    """A row does not match its hash, or the file is no sound Clew file; restore a backup, then `clew verify`."""

    exit_code = 12

    def __init__(self, message: str, seq: int | None = None) -> None:
        super().__init__(message)
        self.seq = seq

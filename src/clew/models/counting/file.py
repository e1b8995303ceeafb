"""A `tokenizer.json` read by the package `tokenizers`. Extra `[tokens]`."""

from collections.abc import Callable

from clew.errors import MissingExtra, UsageError

try:
    import tokenizers
except ImportError:
    tokenizers = None


def counting(body: bytes, name: str) -> Callable[[str], int]:
    """How that tokenizer counts. MissingExtra without the package, UsageError where the file is no tokenizer."""
    if tokenizers is None:
        raise MissingExtra("tokens", "counting with a tokenizer.json")
    try:
        made = tokenizers.Tokenizer.from_buffer(body)
    except ValueError as error:
        raise UsageError(f"{name} is no tokenizer.json: {error}") from error
    made.no_truncation()
    made.no_padding()
    return lambda text: len(made.encode(text, add_special_tokens=False).ids)

"""Exact token counts: by a model's own `tokenizer.json` (extra `[tokens]`), or by asking the server that runs the model.

connect("tokenizer:/models/qwen/tokenizer.json").counter
connect("openai:qwen", base_url=URL, counter=connect("tokenizer:http://127.0.0.1:8080").counter)
"""

import hashlib
import ipaddress
import json
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.parse import urlsplit

from clew.errors import ModelUnavailable, NotFound, UsageError
from clew.models import Counter
from clew.models.counting.file import counting

KEPT = 50_000  # counts remembered, by a hash of the text; a full cache is emptied
LOCAL = "localhost"


class Counted:
    """A counter that counts no text twice: a window is counted anew at every step, and only its end is new."""

    def __init__(self, name: str, count: Callable[[str], int]) -> None:
        self.name, self._count = name, count
        self._known: dict[bytes, int] = {}

    def count(self, text: str) -> int:
        """How many tokens the text has, no special ones added."""
        key = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
        if key not in self._known:
            if len(self._known) >= KEPT:
                self._known.clear()
            self._known[key] = self._count(text)
        return self._known[key]


def connect(place: str, *, remote: bool = False, timeout_s: float = 30.0) -> Counter:
    """A counter by the path of a `tokenizer.json`, or by the address of an OpenAI-compatible server that has `/tokenize`.

    Texts go to such a server as they are, so one on another machine is refused unless `remote=True`.
    NotFound where there is no such file; ModelUnavailable where the server does not answer.
    """
    if place.startswith(("http://", "https://")):
        if not (remote or _here(urlsplit(place).hostname or "")):
            raise UsageError(f"{place} is on another machine, and whole texts would go there unmasked to be counted; remote=True allows it")
        return _served(place.rstrip("/").removesuffix("/v1"), timeout_s)
    path = Path(place)
    if not path.is_file():
        raise NotFound(f"there is no tokenizer at {path}; give the tokenizer.json that comes with the model")
    body = path.read_bytes()
    return Counted(f"tokenizer:{hashlib.sha256(body).hexdigest()[:12]}", counting(body, place))


def _here(host: str) -> bool:
    try:
        return host == LOCAL or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _served(url: str, timeout_s: float) -> Counter:
    """A counter at llama.cpp's server, or at vLLM's, which takes `prompt` for `content`."""

    def tell(path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(url + path, data, {"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=timeout_s) as reply:
                return json.loads(reply.read())
        except (URLError, TimeoutError, ConnectionError, ValueError) as error:
            raise ModelUnavailable(f"{url + path} did not count tokens: {error}", after=5.0) from error

    model = tell("/v1/models")["data"][0]["id"]

    def count(text: str) -> int:
        found = tell("/tokenize", {"model": model, "content": text, "prompt": text, "add_special": False, "add_special_tokens": False})
        return len(found["tokens"])

    return Counted(f"tokenizer:{Path(model).stem}", count)

"""The same door over HTTP: `Clew("https://…", key=…)` is a `Remote`, and every verb of it a request to a `clew serve`."""

from clew.remote.door import Remote
from clew.remote.wire import Unreachable

__all__ = ["Remote", "Unreachable"]

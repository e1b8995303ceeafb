"""One HTTP request to a host that the node allows.

Inputs: url, method (GET), hosts (those that may be asked, redirects included: required), headers, json or body, codes (statuses that
are no failure; all below 400). Outputs: status, headers, body (text), json (where the body is some). A secret is `${NAME}` in the
url, a header or the body. What looks like a key or a password and is not named so is not sent.
"""

import json
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from email.message import Message
from time import monotonic
from typing import IO, Any
from urllib.parse import urlsplit

from clew.errors import UsageError
from clew.tasks.graph import Node, Outcome
from clew.tasks.protocols import Job
from clew.tasks.values import given, kept, only, time_of
from clew.tasks.vault import Vault, unnamed

MOST = 2_000_000  # bytes of an answer; a longer one is a failure
PIECE = 65536


class Http:
    """Asks one host, within the node's time and MOST bytes."""

    def __init__(self, vault: Vault | None = None, most: int = MOST) -> None:
        self.vault, self.most = vault or Vault(), most

    def run(self, node: Node, ctx: Job) -> Outcome:
        """Finished for a status below 400 or one of `codes`; failed with the status, or with what prevented an answer."""
        only(node, "url", "method", "hosts", "headers", "json", "body", "codes")
        hosts = frozenset(given(node, "hosts", list))
        request = self._request(node)
        _allowed(request.full_url, hosts)
        until = monotonic() + time_of(node)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _Redirects(hosts))
        try:
            try:
                answer = opener.open(request, timeout=max(0.1, until - monotonic()))
            except urllib.error.HTTPError as error:
                answer = error
            with answer:
                body = _read(answer, until, self.most, ctx.cancelled)
        except (OSError, TimeoutError) as error:
            return Outcome("failed", why=self.vault.closed(f"{request.get_method()} {request.full_url}: {getattr(error, 'reason', error)}"))
        if isinstance(body, str):
            return Outcome("failed", {"status": answer.status}, why=self.vault.closed(f"{request.get_method()} {request.full_url}: {body}"))
        return self._told(node, answer, body.decode(answer.headers.get_content_charset() or "utf-8", "replace"))

    def _request(self, node: Node) -> urllib.request.Request:
        headers = {str(k): str(v) for k, v in given(node, "headers", Mapping, {}).items()}
        body = given(node, "body", str, "")
        if "json" in node.inputs:
            body = json.dumps(node.inputs["json"], ensure_ascii=False)
            headers = {"Content-Type": "application/json", **headers}
        url = given(node, "url", str)
        for where, text in (("url", url), ("body", body), *[(f"header {k}", f"{k}: {v}") for k, v in headers.items()]):
            unnamed(node.id, where, text)
        opened = self.vault.opened({"url": url, "body": body, "headers": headers})
        data = opened["body"].encode() if opened["body"] else None
        return urllib.request.Request(opened["url"], data, opened["headers"], method=given(node, "method", str, "GET").upper())

    def _told(self, node: Node, answer: Any, text: str) -> Outcome:
        text = self.vault.closed(text)
        outputs, events = kept(node, {"body": text}, trust="web")
        outputs |= {"status": answer.status, "headers": self.vault.closed(dict(answer.headers.items()))}
        if "whole" not in outputs and "json" in (answer.headers.get_content_type() or ""):
            try:
                outputs["json"] = json.loads(text)
            except ValueError:
                return Outcome("failed", outputs, why=f"the answer says that it is JSON and is not: {text[:80]!r}")
        good = answer.status in given(node, "codes", list, []) or answer.status < 400
        return Outcome(
            "finished" if good else "failed", outputs, events=tuple(events), why="" if good else f"status {answer.status}: {text[:120]}"
        )


class _Redirects(urllib.request.HTTPRedirectHandler):
    def __init__(self, hosts: frozenset[str]) -> None:
        self._hosts = hosts

    def redirect_request(self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Message, newurl: str) -> Any:
        _allowed(newurl, self._hosts)
        found = super().redirect_request(req, fp, code, msg, headers, newurl)  # pyright: ignore[reportArgumentType]
        if found is not None and urlsplit(newurl).netloc != urlsplit(req.full_url).netloc:
            found.remove_header("Authorization")  # was meant for the other host
            found.remove_header("Cookie")
        return found


def _allowed(url: str, hosts: frozenset[str]) -> None:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https"):
        raise UsageError(f"only http and https are asked; got {parts.scheme or url[:40]!r}")
    if parts.netloc.rpartition("@")[2] not in hosts and parts.hostname not in hosts:
        raise UsageError(f"{parts.hostname!r} is none of the hosts that the node allows: {', '.join(sorted(hosts)) or 'none'}")


def _read(answer: Any, until: float, most: int, cancelled: Callable[[], bool]) -> bytes | str:
    """The body, or why it was not read to its end."""
    body = bytearray()
    while piece := answer.read1(PIECE) if hasattr(answer, "read1") else answer.read(PIECE):
        body += piece
        if len(body) > most:
            return f"the answer is longer than {most} bytes"
        if cancelled():
            return "it was cancelled"
        if monotonic() > until:
            return "the answer took too long"
    return bytes(body)


executor = Http()

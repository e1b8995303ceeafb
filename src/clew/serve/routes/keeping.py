"""The whole memory: its users, its status, its keys, and the log carried out and in."""

import os
import tempfile
import threading
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path as File
from typing import Annotated, Any

from anyio import open_file, to_thread
from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.responses import StreamingResponse

from clew.engine import Clew
from clew.serve.keys import Key
from clew.serve.seams import Granted, answer
from clew.serve.shapes import NewKey
from clew.types import Recorded

router = APIRouter(tags=["whole"])
LINES = "application/x-ndjson"
CHUNK = 65_536  # bytes
Fresh = dict[str, Key | str]


@router.get("/users", response_model=list[str])
def users(memory: Granted) -> Response:
    """Every user that some surviving event has; who acts for one user sees that one."""
    return answer(list[str], memory.users())


@router.get("/status", response_model=dict[str, Any])
def status(memory: Granted) -> Response:
    """Head, views and how far they are behind, faults, spending, bytes."""
    return answer(dict[str, Any], memory.status())


@router.get("/keys", response_model=list[Key])
def keys(memory: Granted) -> Response:
    """The keys there are; what a key is itself nobody can be told again."""
    return answer(list[Key], memory.keys().all())


@router.post("/keys", response_model=Fresh, status_code=201)
def add_key(wanted: NewKey, memory: Granted) -> Response:
    """Make a key; `token` is told this once."""
    key, token = memory.keys().add(**wanted.given(), by=memory.who.name)
    return answer(Fresh, {"key": key, "token": token}, 201)


@router.delete("/keys/{id}", status_code=204)
def revoke(id: Annotated[str, Path(min_length=1, max_length=64)], memory: Granted) -> None:
    """End a key at once."""
    memory.keys().revoke(id, by=memory.who.name)


@router.get("/export", response_class=StreamingResponse, responses={200: {"content": {LINES: {}}, "description": "JSON lines."}})
def export(memory: Granted) -> StreamingResponse:
    """Every event and kept answer as JSON lines, as it is read; as private as the memory itself."""
    return StreamingResponse(_exported(memory.administer("export")), media_type=LINES)


async def _exported(clew: Clew) -> AsyncIterator[bytes]:
    """The lines on their way through a pipe: no copy of the memory lies on any disk."""
    reading, writing = os.pipe()
    failed: list[BaseException] = []

    def write() -> None:
        try:
            with open(writing, "wb", buffering=0), suppress(BrokenPipeError):  # whoever asked has gone
                clew.export(f"/dev/fd/{writing}")
        except BaseException as error:  # noqa: BLE001 - raised where the lines are read
            failed.append(error)

    writer = threading.Thread(target=write, name="clew-export")
    writer.start()
    try:
        while chunk := await to_thread.run_sync(os.read, reading, CHUNK):
            yield chunk
    finally:
        os.close(reading)  # then a writer that nobody reads from ends too
    if failed:
        raise failed[0]  # the connection breaks off: what was sent must not look whole


@router.post(
    "/import",
    response_model=Recorded,
    openapi_extra={"requestBody": {"required": True, "content": {LINES: {"schema": {"type": "string"}}}}},
)
async def load(request: Request, memory: Granted, as_lived: Annotated[bool, Query()] = False) -> Response:
    """Take in an export as JSON lines: into an empty log the same log, into another one its events, added."""
    memory.who.whole("load")
    with tempfile.TemporaryDirectory(prefix="clew-") as folder:  # for its owner's eyes alone; gone with the request
        path = File(folder, "lines")
        async with await open_file(path, "wb") as file:
            async for chunk in request.stream():
                await file.write(chunk)
        done = await to_thread.run_sync(lambda: memory.load(path, as_lived=as_lived))
    return answer(Recorded, done)

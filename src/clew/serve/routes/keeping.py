"""The whole memory: its users, its status, its keys, and the log carried out and in."""

import os
import tempfile
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path as File
from typing import Annotated, Any, BinaryIO

from anyio import open_file, to_thread
from fastapi import APIRouter, Path, Query, Request, Response

from clew.engine import Clew
from clew.errors import UsageError
from clew.serve.keys import Key
from clew.serve.seams import Granted, Streamed, answer
from clew.serve.shapes import NewKey, Scoped, Tick
from clew.types import Recorded

router = APIRouter(tags=["whole"])
LINES = "application/x-ndjson"
CHUNK = 65_536  # bytes
BYTES = "application/octet-stream"
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


@router.post("/canaries", response_model=dict[str, str], status_code=201)
def canary(where: Scoped, memory: Granted) -> Response:
    """Plant a text that nobody has a reason to repeat; where its `token` is met, the status shows an alarm."""
    return answer(dict[str, str], {"token": memory.administer("canary").canary(**where.given())}, 201)


@router.post("/ticks", response_model=dict[str, int])
def tick(of: Tick, memory: Granted) -> Response:
    """Append the day's tick where recipes subscribe to ticks, as the worker does; `added` is 0 on a day that has it."""
    day = None if of.date is None else of.date.isoformat()
    return answer(dict[str, int], {"added": memory.administer("tick").tick(day)})


@router.get("/backup", response_class=Streamed, responses={200: {"content": {BYTES: {}}, "description": "The file."}})
def backup(memory: Granted) -> Streamed:
    """A copy of the whole file as of one moment, also while others write; encrypted where the memory is. No `forget` reaches it."""
    file = _copied(memory.administer("backup"))
    return Streamed(_pieces(file), media_type=BYTES, headers={"Content-Length": str(os.fstat(file.fileno()).st_size)})


def _copied(clew: Clew) -> BinaryIO:
    """A copy that lies in no folder any more: nothing is left of it once it is sent, or its process has ended."""
    with tempfile.TemporaryDirectory(prefix="clew-") as folder:
        path = File(folder, "copy")
        clew.database.copied(path)
        return open(path, "rb")


def _pieces(file: BinaryIO) -> Iterator[bytes]:
    with file:
        while piece := file.read(CHUNK):
            yield piece


@router.get("/export", response_class=Streamed, responses={200: {"content": {LINES: {}}, "description": "JSON lines."}})
def export(memory: Granted) -> Streamed:
    """Every event and kept answer as JSON lines, as it is read; as private as the memory itself."""
    return Streamed(_exported(memory.administer("export")), media_type=LINES)


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
        try:
            done = await to_thread.run_sync(lambda: memory.load(path, as_lived=as_lived))
        except UsageError as error:
            raise UsageError(str(error).replace(str(path), "what was sent")) from error
    return answer(Recorded, done)

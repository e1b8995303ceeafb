"""How every door listens: uvicorn, with patience for slow clients but not for ever."""

from socket import AF_INET, AF_INET6, IPPROTO_TCP, TCP_NODELAY
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

KEEP_ALIVE = 15  # seconds that an idle connection is kept
STARTING = 60  # seconds in which one of several processes has to say that it lives
GRACE = 10  # seconds for what is being answered when the service ends
CONNECTIONS = 1000  # at one time; more are told to come back


class Patient(H11Protocol):
    """uvicorn's protocol with a clock on headers: it hangs up on who takes too long to send them, be the request a connection's first or not."""

    headers_s = 10.0
    clock: Any = None

    def connection_made(self, transport: Any) -> None:
        """Start the clock with the connection, and let what is small go out at once."""
        super().connection_made(transport)
        socket = transport.get_extra_info("socket")
        if socket is not None and socket.family in (AF_INET, AF_INET6):
            # asyncio does so for its own sockets, not for one that several processes share: there head and body of an
            # answer would wait 40 ms for each other (Nagle, and the other side's delayed acknowledgement)
            socket.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1)
        self.clock = self.loop.call_later(self.headers_s, self.timeout_keep_alive_handler)

    def data_received(self, data: bytes) -> None:
        """Stop it when the headers are whole; start it with the first byte of the next request."""
        before = self.cycle
        super().data_received(data)
        if self.cycle is not before and self.clock is not None:
            self.clock.cancel()
            self.clock = None
        elif self.clock is None and self.cycle is not None and self.cycle.response_complete:
            self.clock = self.loop.call_later(self.headers_s, self.timeout_keep_alive_handler)

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is timed any more."""
        if self.clock is not None:
            self.clock.cancel()
        super().connection_lost(exc)


def listen(application: Any, host: str, port: int, **more: Any) -> None:
    """Listen until interrupted; an application, or with `factory` and `workers` the name of what makes one in each process."""
    uvicorn.run(
        application,
        host=host,
        port=port,
        http=Patient,
        ws="none",
        timeout_keep_alive=KEEP_ALIVE,
        timeout_graceful_shutdown=GRACE,
        timeout_worker_healthcheck=STARTING,
        limit_concurrency=CONNECTIONS,
        proxy_headers=False,  # who asks is known by key, and an address that anybody can claim is no use
        server_header=False,
        access_log=False,  # addresses hold users' names
        log_level="warning",
        **more,
    )

"""What can be watched: counters for Prometheus. Routes, statuses and times; nobody's words, names or ids."""

from time import perf_counter

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

TEXT = "text/plain; version=0.0.4; charset=utf-8"
ROUTE = "clew.route"  # where a request's scope holds the template of its path, if the framework did not route it
SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10)


class Meters:
    """The counters of one service."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter("clew_requests", "Requests, by route and status.", ("route", "method", "status"), registry=self.registry)
        self.seconds = Histogram("clew_request_seconds", "Time of a request.", ("route",), buckets=SECONDS, registry=self.registry)
        self.open = Gauge("clew_requests_open", "Requests being worked on.", registry=self.registry)
        self.head = Gauge("clew_log_head", "Events in the log.", registry=self.registry)

    def text(self, head: int) -> bytes:
        """All of it in Prometheus' text form."""
        self.head.set(head)
        return generate_latest(self.registry)


class Measured:
    """The middleware that counts, around everything else."""

    def __init__(self, app: ASGIApp, meters: Meters) -> None:
        self.app, self.meters = app, meters

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        status, began = 500, perf_counter()

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        self.meters.open.inc()
        try:
            await self.app(scope, receive, noted)
        finally:
            self.meters.open.dec()
            route = scope.get(ROUTE) or _template(scope)
            self.meters.requests.labels(route, scope["method"] if route != "none" else "ANY", str(status)).inc()
            self.meters.seconds.labels(route).observe(perf_counter() - began)


def _template(scope: Scope) -> str:
    """The path as it is routed, so that no id becomes a label: the route's own, after the prefix of the router that it stands in."""
    own = getattr(scope.get("route"), "path", None)
    if own is None:
        return "none"
    return "/".join(scope["path"].split("/")[: -own.count("/")]) + own

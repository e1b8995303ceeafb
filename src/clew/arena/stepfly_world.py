"""An incident to troubleshoot: a gateway's database with one planted cause or none, and the incident's text, made from a seed.

The tables and columns are those that StepFly's public guide asks for (its generator was not read): gateway logs, feature flags,
product metadata, infrastructure metrics, workflow tracking. What is planted is known exactly, and near misses stand beside it, each
on the harmless side of one threshold of the guide, so that a threshold that is read wrongly gives another conclusion.
The same seed gives the same rows on every machine.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import accumulate, repeat
from pathlib import Path

import apsw

CAUSES = ("version", "flag", "workflow", "region", "errors")
# The step at which the guide says that each is found: three of them end it early, all else is told by the last step.
FOUND_AT = {"version": "Step2", "flag": "Step3", "workflow": "Step9", "region": "Step11", "errors": "Step11", "none": "Step11"}
ROWS = 90_000  # gateway requests at scale 1
HOURS = 2
REGIONS = ("us-east", "us-west", "eu-central")
SERVICES = ("api.gateway.main", "api.gateway.edge", "api.gateway.partner")
FLAGS = ("enhanced_routing_v2", "lazy_session_store", "new_price_cache", "adaptive_retry")
CRITICAL = ("payment_processing", "checkout_flow", "account_login")
LESSER = (("recommendation_refresh", "LOW", 0.71), ("newsletter_signup", "MEDIUM", 0.88), ("order_history", "HIGH", 0.97))
WORKFLOW_STEPS = ("validate_input", "reserve_stock", "payment_authorization", "write_ledger", "notify_customer")
ERRORS = (
    ("E-TIME", "TIMEOUT", "UpstreamTimeout", "upstream took too long", "router", "orders-db"),
    ("E-POOL", "RESOURCE", "PoolExhausted", "no free connection", "connection-pool", "orders-db"),
    ("E-DESER", "DATA", "BadPayload", "payload could not be read", "decoder", None),
    ("E-UNAV", "DEPENDENCY", "ServiceUnavailable", "dependency refused", "router", "pricing"),
)
CASCADES = (
    ("E-TOKEN", "AUTH", "TokenServiceDown", "token service gave no answer", "auth-filter", "token-service"),
    ("E-LOCK", "STORAGE", "LockTimeout", "lock was not granted", "session-store", "lock-service"),
    ("E-CFG", "CONFIG", "ConfigUnreadable", "configuration could not be read", "bootstrap", "config-service"),
)
ENDPOINTS = ("/v1/orders", "/v1/cart", "/v1/prices", "/v1/search", "/v1/session", "/v1/payment")
LOG = """request_id, timestamp, region, datacenter, availability_zone, environment, service_name, service_version, instance_id,
endpoint_path, http_method, api_version, client_type, status_code, latency_ms, backend_latency_ms, connection_time_ms, user_id,
session_id, partition_id, shard_id, tenant_category, request_size_bytes, response_size_bytes, cache_hit, is_test_traffic, is_retry,
has_dependency_failure, data_processed_bytes, is_cascading_failure, error_code, error_category, exception_type, exception_message,
stack_trace_hash, service_component, dependency_name"""
TABLES = {
    "api_gateway_logs": LOG,
    "feature_flags": "request_id, flag_name, flag_value",
    "product_metadata": "request_id, product_id, product_category, customer_tier, subscription_type",
    "infrastructure_metrics": """instance_id, timestamp, instance_type, load_balancer_id, concurrent_connections, cpu_utilization,
memory_utilization""",
    "workflow_tracking": """correlation_id, scenario_name, workflow_id, workflow_step, workflow_status, business_criticality,
total_workflow_time_ms, retry_attempts, user_id, has_compensation, timestamp, region, environment, is_test_traffic""",
}


@dataclass(frozen=True, slots=True)
class Planted:
    """What is wrong in a world, and what the guide must therefore say."""

    seed: int
    cause: str  # one of CAUSES, or "none"
    culprit: str  # the version, flag=value, scenario, zone or exception; "" for none
    step: str  # the step of the public guide that leads to the end
    parameters: dict[str, str]  # what the incident says: region, service_name, environment, start_time, end_time, threshold
    rows: dict[str, int]  # by table


@dataclass(frozen=True, slots=True)
class _Zone:
    """An availability zone with its machines and the share of requests that fail or are refused there."""

    region: str
    datacenter: str
    name: str
    failing: float
    refused: float


@dataclass(slots=True)
class _Draw:
    """One seed's chances, fixed before any row is made."""

    luck: random.Random
    cause: str
    start: datetime
    region: str
    service: str
    versions: tuple[str, str, str, str]  # canary, latest, one before, and the one before that
    flag: str
    value: str
    decoy: str
    scenario: str
    bottleneck: str
    zone: str
    cascade: tuple[str | None, ...]
    strength: float  # how strong the planted cause is, from 0 to 1
    settled: bool  # the near miss of a regression: a version that was much worse, but is no longer the latest

    @property
    def loud(self) -> bool:
        """Whether some 4 % fail everywhere, as in the public incident: a symptom that is no cause."""
        return self.cause in ("version", "flag", "workflow")


def world(path: Path, seed: int, cause: str | None = "", scale: float = 1.0) -> Planted:
    """Write the database to `path`, which must not exist, and the incident's text beside it (`path` with the suffix .txt).

    `cause` is one of CAUSES, None for none, "" for the seed's choice among both. `scale` multiplies the rows: 1 is 90,000 requests and
    some 35 MB.
    """
    if path.exists():
        raise FileExistsError(f"{path} is there already; a world is written once")
    if not 0.25 <= scale <= 4:
        raise ValueError(f"scale must be from 0.25 to 4, got {scale}: groups would leave the guide's least counts on the wrong side")
    luck = random.Random(f"stepfly {seed}")
    chosen = luck.choice((*CAUSES, "none"))
    chosen = chosen if cause == "" else cause or "none"
    if chosen not in FOUND_AT:
        raise ValueError(f"cause must be one of {', '.join(CAUSES)}, or None; got {cause!r}")
    draw = _draw(luck, chosen)
    database = apsw.Connection(str(path))
    database.execute("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF")
    rows = {}
    with database:
        for name, columns in TABLES.items():
            database.execute(f"CREATE TABLE {name} ({columns})")
        requests = _requests(draw, round(ROWS * scale))
        rows["api_gateway_logs"] = _written(database, "api_gateway_logs", requests)
        rows["feature_flags"] = _written(database, "feature_flags", _flags(draw, requests))
        rows["product_metadata"] = _written(database, "product_metadata", _products(draw, requests))
        rows["infrastructure_metrics"] = _written(database, "infrastructure_metrics", _metrics(draw))
        rows["workflow_tracking"] = _written(database, "workflow_tracking", _workflows(draw, round(4000 * scale)))
    database.close()
    planted = Planted(seed, chosen, _culprit(draw), FOUND_AT[chosen], _parameters(draw), rows)
    path.with_suffix(".txt").write_text(incident(planted), encoding="utf-8")
    return planted


def incident(planted: Planted) -> str:
    """The incident as the desk that opened it would write it: symptoms and parameters, never the cause."""
    told = "\n".join(f"- {name}: {value}" for name, value in planted.parameters.items())
    region, service = planted.parameters["region"], planted.parameters["service_name"]
    return f"""Incident ID: MADE_{planted.seed}
Title: Availability of {service} has fallen
Severity: Critical (Sev 1)

## Problem Description
Availability of {service} in {region} is below what was agreed. Requests fail from time to time; the cause is not known.
The dashboard is at https://dashboard.example/{service}?range=2h and was no help.

## Parameters for Analysis
{told}
"""


def _draw(luck: random.Random, cause: str) -> _Draw:
    major, minor, patch = luck.randrange(2, 6), luck.randrange(8, 20), luck.randrange(3, 9)
    versions = tuple(f"{major}.{minor}.{n}" for n in (patch + 1, patch, patch - 1, patch - 2))
    flag, decoy = luck.sample(FLAGS, 2)
    start = datetime(2024, 1, 1, tzinfo=UTC) + timedelta(minutes=luck.randrange(0, 300 * 24 * 60))
    region = luck.choice(REGIONS)
    return _Draw(
        luck,
        cause,
        start,
        region,
        luck.choice(SERVICES),
        (versions[0], versions[1], versions[2], versions[3]),
        flag,
        luck.choice(("on", "variant_b")),
        decoy,
        luck.choice(CRITICAL),
        luck.choice(WORKFLOW_STEPS[1:4]),
        f"{region}-{luck.choice('12')}{luck.choice('ab')}",
        luck.choice(CASCADES),
        luck.random(),
        luck.random() < 0.5,
    )


def _culprit(draw: _Draw) -> str:
    return {
        "version": draw.versions[1],
        "flag": f"{draw.flag}={draw.value}",
        "workflow": draw.scenario,
        "region": draw.zone,
        "errors": str(draw.cascade[2]),
        "none": "",
    }[draw.cause]


def _parameters(draw: _Draw) -> dict[str, str]:
    return {
        "region": draw.region,
        "service_name": draw.service,
        "environment": "prod",
        "start_time": f"{draw.start:%Y-%m-%dT%H:%M:%SZ}",
        "end_time": f"{draw.start + timedelta(hours=HOURS):%Y-%m-%dT%H:%M:%SZ}",
        "threshold": "99.9",
    }


def _written(database: apsw.Connection, table: str, rows: list[tuple[object, ...]]) -> int:
    marks = ",".join("?" * len(TABLES[table].split(",")))
    database.executemany(f"INSERT INTO {table} VALUES ({marks})", rows)  # type: ignore[arg-type]
    return len(rows)


def _zones(draw: _Draw) -> list[_Zone]:
    """Quiet worlds hardly fail; in them, one zone elsewhere is the near miss of a degraded one."""
    near = f"{REGIONS[(REGIONS.index(draw.region) + 1) % 3]}-2a"
    quiet = {near: 0.0065, draw.zone: 0.12 + 0.12 * draw.strength if draw.cause == "region" else 0.0015}
    found = []
    for region in REGIONS:
        for house in "12":
            for letter in "ab":
                name = f"{region}-{house}{letter}"
                failing = 0.04 if draw.loud else quiet.get(name, 0.0015)
                found.append(_Zone(region, f"{region}-dc{house}", name, failing, 0.004 if draw.loud else 0.0015))
    return found


def _spread(share: float, luck: random.Random) -> Iterator[bool]:
    """True at an even pace, so that every thousand holds the share almost exactly; the phase is the seed's."""
    level = accumulate(repeat(share), initial=luck.random())
    before = int(next(level))
    for now in level:
        yield int(now) != before
        before = int(now)


def _requests(draw: _Draw, count: int) -> list[tuple[object, ...]]:
    """What the guide counts fails at an even pace in each zone, so that quiet zones stay above their threshold at every scale."""
    luck, zones = draw.luck, _zones(draw)
    weights = [0.44 / 4 if zone.region == draw.region else 0.28 / 4 for zone in zones]
    # Where a cascade is the cause: few enough that no zone falls below its threshold by it.
    share = min(0.003, 130 / (0.44 * count)) if draw.cause == "errors" else 0.0
    paces = {
        zone.name: [_spread(s, luck) for s in (zone.failing, zone.refused, share if zone.region == draw.region else 0.0, 0.4)]
        for zone in zones
    }
    rows = []
    for number, zone in enumerate(luck.choices(zones, weights, k=count)):
        version = _version(draw, zone)
        test, prod, ours = luck.random() < 0.03, luck.random() < 0.97, luck.random() < 0.94
        if test or not (prod and ours):  # what testers break on purpose, and what others do, must not count
            rows.append(_request(draw, zone, number, version, 500 if luck.random() < 0.5 else 200, (test, prod, ours), False))
            continue
        failing, refused, marked, canary = paces[zone.name]
        fails, refuses = next(failing), next(refused)
        if zone.region == draw.region:
            fails = fails or (next(canary) if version == draw.versions[0] else luck.random() < _extra(draw, version))
        status = 500 if fails else 429 if refuses else 200
        rows.append(_request(draw, zone, number, version, status, (test, prod, ours), next(marked)))
    return rows


def _version(draw: _Draw, zone: _Zone) -> str:
    canary, latest, before, oldest = draw.versions
    roll = draw.luck.random()
    if zone.region == draw.region and roll < 0.003:
        return canary  # the newest of all, and failing, but with too few requests to count
    return latest if roll < 0.5 else before if roll < 0.58 else oldest


def _extra(draw: _Draw, version: str) -> float:
    """The share of requests that fail beside the background, by version."""
    _, latest, before, _ = draw.versions
    if draw.cause == "version":
        return 0.125 + 0.035 * draw.strength if version == latest else 0.0
    if draw.loud and draw.settled:
        return 0.13 if version == before else 0.0
    return 0.065 if draw.loud and version == latest else 0.0  # worse than before, by less than the guide's ten points


def _request(
    draw: _Draw, zone: _Zone, number: int, version: str, status: int, counts: tuple[bool, bool, bool], hit: bool
) -> tuple[object, ...]:
    luck, (test, prod, ours) = draw.luck, counts
    status = 503 if hit else luck.choice((500, 502, 503, 504)) if status == 500 else status
    latency = min(luck.lognormvariate(5.9, 0.6), 4800.0)
    error = draw.cascade if hit else luck.choice(ERRORS) if status >= 500 else (None,) * 6
    cascading = luck.random() < (0.6 if hit else 0.04 if draw.loud and status >= 500 else 0.0)
    user, endpoint = luck.randrange(4000), luck.choice(ENDPOINTS)
    return (
        f"r{number:07d}",
        _moment(draw, luck.randrange(HOURS * 60)),
        zone.region,
        zone.datacenter,
        zone.name,
        "prod" if prod else "staging",
        draw.service if ours else SERVICES[(SERVICES.index(draw.service) + 1) % len(SERVICES)],
        version,
        f"{zone.name}-i{user % 3}",
        endpoint,
        "POST" if endpoint in ("/v1/cart", "/v1/payment") else "GET",
        "v1",
        luck.choice(("web", "ios", "android", "partner")),
        status,
        round(latency, 1),
        round(latency * 0.8, 1),
        round(latency * 0.04, 2),
        f"u{user:05d}",
        f"s{user:05d}-{luck.randrange(3)}",
        f"p{user % 16:02d}",
        f"sh{user % 4}",
        ("small", "medium", "large")[user % 3],
        luck.randrange(200, 4000),
        luck.randrange(500, 60000),
        int(luck.random() < 0.6),
        int(test),
        int(luck.random() < (0.3 if status >= 500 else 0.02)),
        int(error[5] is not None),
        luck.randrange(1000, 90000),
        int(cascading),
        *error[:4],
        None if error[0] is None else f"{error[0]}-{luck.randrange(5)}",
        *error[4:],
    )


def _moment(draw: _Draw, minute: int) -> str:
    """A minute of the incident as the database writes it: the collector stamps whole minutes."""
    return f"{draw.start + timedelta(minutes=minute):%Y-%m-%d %H:%M:%S}"


def _flags(draw: _Draw, requests: list[tuple[object, ...]]) -> list[tuple[object, ...]]:
    """Which flags each request met. The planted one goes mostly with failures; its near miss fails as often, on 700 requests."""
    luck, rows = draw.luck, []
    mine = [r for r in requests if r[2] == draw.region and r[5] == "prod" and r[6] == draw.service and not r[25]]
    failed = [r[0] for r in mine if int(str(r[13])) >= 500]
    fine = [r[0] for r in mine if int(str(r[13])) < 300]
    for row in requests:
        for flag in FLAGS:
            if flag not in (draw.flag, draw.decoy) and luck.random() < 0.7:
                rows.append((row[0], flag, "on" if luck.random() < 0.5 else "off"))
    for flag, value, size, share in ((draw.decoy, "on", 700, 0.22), (draw.flag, draw.value, 0, 0.0)):
        if flag == draw.flag:
            share = 0.2 + 0.08 * draw.strength if draw.cause == "flag" else len(failed) / len(mine)
            size = max(1150, min(round(0.12 * len(mine)), int(0.9 * len(failed) / max(share, 0.01))))
        bad = luck.sample(failed, min(len(failed), round(size * share)))
        good = luck.sample(fine, size - round(size * share))
        chosen = {*bad, *good}
        rows += [(request, flag, value) for request in (*bad, *good)]
        rest = [r for r in mine if r[0] not in chosen and luck.random() < 0.4]
        rows += [(row[0], flag, "off") for row in rest]
    return rows


def _products(draw: _Draw, requests: list[tuple[object, ...]]) -> list[tuple[object, ...]]:
    luck, tiers = draw.luck, ("PREMIUM", "STANDARD", "FREE")
    met = [(row[0], luck.randrange(12)) for row in requests if luck.random() < 0.7]
    return [(r, f"prod-{n:02d}", f"category-{n % 4}", luck.choice(tiers), "monthly" if n % 2 else "yearly") for r, n in met]


def _metrics(draw: _Draw) -> list[tuple[object, ...]]:
    luck = draw.luck
    return [
        (
            f"{zone.name}-i{machine}",
            _moment(draw, minute),
            ("m5.large", "m5.xlarge")[machine % 2],
            f"lb-{zone.name}",
            luck.randrange(200, 900),
            round(luck.uniform(45, 72), 1),
            round(luck.uniform(50, 75), 1),
        )
        for zone in _zones(draw)
        for machine in range(3)
        for minute in range(HOURS * 60)
    ]


def _workflows(draw: _Draw, count: int) -> list[tuple[object, ...]]:
    """Workflows step by step, with the status that each ended in. Critical ones end well, 99.2 to 99.7 % of them, but for the planted.

    What happened in another region is bad for all of them and must not count.
    """
    luck, rows, size = draw.luck, [], max(400, count // 6)
    elsewhere = REGIONS[(REGIONS.index(draw.region) + 1) % 3]
    for name, level, share in [(name, "CRITICAL", 0.992 + 0.005 * luck.random()) for name in CRITICAL] + list(LESSER):
        planted = draw.cause == "workflow" and name == draw.scenario
        share = 0.45 + 0.2 * draw.strength if planted else share
        for region, number, fine in ((draw.region, size, round(size * share)), (elsewhere, size // 4, size // 7)):
            for place in luck.sample(range(number), number):
                rows += _workflow(draw, (name, level, region), f"{name[:4]}-{region}-{place:05d}", place < fine)
    return rows


def _workflow(draw: _Draw, kind: tuple[str, str, str], key: str, done: bool) -> list[tuple[object, ...]]:
    luck, (name, level, region) = draw.luck, kind
    end = WORKFLOW_STEPS[-1] if done else draw.bottleneck if luck.random() < 0.9 else WORKFLOW_STEPS[0]
    minute, user, took = luck.randrange(HOURS * 60), f"u{luck.randrange(4000):05d}", round(luck.uniform(300, 9000))
    status, retries, undone = "COMPLETED" if done else "FAILED", 0 if done else luck.randrange(4), int(not done and luck.random() < 0.5)
    return [
        (f"c-{key}", name, f"w-{key}", step, status, level, took, retries, user, undone, _moment(draw, minute), region, "prod", 0)
        for step in WORKFLOW_STEPS[: 1 + WORKFLOW_STEPS.index(end)]
    ]

"""The world of the guide `examples/slow_orders.md`: a shop's database with one trouble, and forty ways to spoil the guide.

Small and quick, for tests; `stepfly_world` has the public guides' large one. The defects are wordings, each of one of the Mentor's
five categories and in one place; some of them are meant to be hard for rules.
"""

import random
from dataclasses import dataclass
from pathlib import Path

import apsw

TROUBLES = ("none", "healthy", "queue", "stock", "carrier", "filling")
STEPS = {
    "none": "Step5",
    "healthy": "Step2",
    "queue": "Step3.1",
    "stock": "Step3.2",
    "carrier": "Step5",
    "filling": "Step5",
}  # which step concludes
SUBJECTS = {"none": "", "healthy": "north", "queue": "packing", "stock": "a3", "carrier": "Postillon", "filling": "labels"}  # and on whom
REPORT = """Orders are slow. See https://board.example/orders for what was tried.

- shop: north
- start_time: 2025-04-01T08:00:00Z
- end_time: 2025-04-01T10:00:00Z
"""


def orders(path: Path, seed: int, trouble: str) -> None:
    """Write the shop's database. Beside each trouble stands its near miss: another shop, too few orders, a queue not quite full."""
    luck = random.Random(f"orders {seed}")
    database = apsw.Connection(str(path))
    with database:
        database.execute("CREATE TABLE orders (shop, article, placed_at, duration_ms, status)")
        database.execute("CREATE TABLE queues (shop, queue_name, seen_at, depth, wait_ms)")
        database.execute("CREATE TABLE parcels (shop, carrier, article, pickup_hours)")
        for shop in ("north", "south"):
            bad = shop == "south"  # everything is wrong there, and none of it may count
            slow = trouble != "healthy" or bad
            for i in range(600):
                article = f"a{i % 6}" if i < 560 else "rare"
                missing = article == "rare" or (article == "a3" and (trouble == "stock" or bad))
                status = "waiting" if missing and luck.random() < 0.6 else "failed" if i % 125 == 7 else "done"
                took = luck.uniform(700, 2400) if slow else luck.uniform(200, 900)
                database.execute("INSERT INTO orders VALUES (?, ?, ?, ?, ?)", (shop, article, _minute(luck), took, status))
            for name in ("intake", "packing", "labels"):
                stuck = name == "packing" and (trouble == "queue" or bad)
                for _ in range(120):
                    most = 4900 if name == "labels" and trouble == "filling" else 500
                    depth = luck.randrange(5001, 9000) if stuck else luck.randrange(10, most)
                    row = (shop, name, _minute(luck), depth, luck.uniform(100, 2300))
                    database.execute("INSERT INTO queues VALUES (?, ?, ?, ?, ?)", row)
            for carrier in ("Rohrpost", "Postillon", "Kogge"):
                late = carrier == "Postillon" and (trouble == "carrier" or bad)
                for i in range(40):
                    hours = luck.uniform(49, 80) if late else luck.uniform(4, 47)
                    database.execute("INSERT INTO parcels VALUES (?, ?, ?, ?)", (shop, carrier, f"a{i % 6}", hours))
    database.close()


def _minute(luck: random.Random) -> str:
    return f"2025-04-01 {8 + luck.randrange(2):02d}:{luck.randrange(60):02d}:00"


@dataclass(frozen=True, slots=True)
class Defect:
    """A change to the guide that spoils it in one way. The line that shows it is the first that has `at` afterwards."""

    category: str
    name: str
    old: str
    new: str
    at: str = ""  # where a note on it is right; "": the first line of `new`

    def planted(self, guide: str) -> tuple[str, range]:
        """(the spoiled guide, the lines where a note on it is right: two before and after the place)."""
        if guide.count(self.old) < 1:
            raise ValueError(f"{self.name}: the guide has no {self.old!r}")
        spoiled = guide.replace(self.old, self.new, 1)
        mark = self.at or self.new.strip().splitlines()[0]
        line = spoiled[: spoiled.index(mark)].count("\n") + 1
        return spoiled, range(line - 2, line + 3)


_MEAN = "If the mean duration is at most 800 ms and the failure rate is below 2%"
_STUCK = "If a queue is STUCK or its wait exceeds 2.5 seconds"
_SHARE = "If any waiting share is at least 30% with more than 50 orders"
_TOGETHER = "Steps 3.1, 3.2 and 3.3 can be run in parallel."
_BETWEEN = "placed_at BETWEEN '{start_time}' AND '{end_time}'\nGROUP BY article"
_CARRIERS = "Evaluate the carriers.\n\n```sql\nSELECT carrier, avg(pickup_hours)"
DEFECTS = (
    Defect("CP", "no number at all", _MEAN, "If the mean duration is low and there are few failures"),
    Defect("CP", "looks stuck", _STUCK, "If a queue looks stuck"),
    Defect("CP", "too many", _SHARE, "If too many orders wait for an article"),
    Defect("CP", "unusually slow", "Note carriers that are LATE.", "Note carriers that are unusually slow."),
    Defect("CP", "two thresholds for one label", "If a queue is STUCK or", "If a queue is STUCK (depth above 9000) or"),
    Defect("CP", "nothing to do", "Consolidate what the parts have shown.", "Things may be difficult here.", "Step 4: Sum up"),
    Defect("CP", "enough orders", "with more than 50 orders", "with enough orders"),
    Defect("CP", "about normal", "the failure rate is below 2%", "the failure rate is about normal"),
    Defect("CP", "a number of nothing", "its wait exceeds 2.5 seconds", "its badness exceeds 2.5"),
    Defect("CF", "no way on", "Then go to Step 2.", "Then think about it.", "Step 1: Collect"),
    Defect("CF", "no way on otherwise", "Otherwise, go to Step 3.", "", "Step 2: Is the shop"),
    Defect("CF", "a step that is not there", "shown. Go to Step 5.", "shown. Go to Step 9."),
    Defect("CF", "no way on from the sum", " Go to Step 5.", "", "Step 4: Sum up"),
    Defect("CF", "last step without an end", "This is the final outcome of this guide.", "", "Step 5: Act"),
    Defect("CF", "a circle", "LATE. Go to Step 4.", "LATE. Go to Step 3.3.", "Step 3.3: Carriers"),
    Defect(
        "CF",
        "otherwise to nowhere",
        "Otherwise, proceed to Step 4.\n\n### Step 3.2",
        "Otherwise, proceed.\n\n### Step 3.2",
        "Step 3.1: Queues",
    ),
    Defect("CF", "nobody comes here", _TOGETHER, "Steps 3.1 and 3.2 can be run in parallel.", "Step 3.3: Carriers"),
    Defect("CF", "look at another step", "proceed to Step 4.\n\n### Step 3.3", "see Step 4.\n\n### Step 3.3", "Step 3.2: Stock"),
    Defect(
        "DF", "a parameter nobody collects", "- `shop`: The shop that is affected (e.g. `north`, `south`)\n", "", "WHERE shop = '{shop}'"
    ),
    Defect("DF", "another name", _BETWEEN, _BETWEEN.replace("end_time", "until_time"), "until_time"),
    Defect("DF", "not marked as a name", "- `end_time`: When", "- end_time: When", "{end_time}"),
    Defect("DF", "a result nobody makes", "Consolidate what the parts have shown.", "Consolidate the results of PLUGIN_7."),
    Defect("DF", "a list nobody has", "the orders wait for.", "the orders on the customer list wait for."),
    Defect(
        "DF", "memory that is empty", "Consolidate what", '```python\nrows = memory.get_data("refunds")\n```\n\nConsolidate what', "refunds"
    ),
    Defect("DF", "start of what", "- `start_time`: When it began\n", "", "{start_time}"),
    Defect("DI", "a place written out", "shop = '{shop}' AND seen_at", "shop = 'north' AND seen_at", "'north' AND"),
    Defect("DI", "a time written out", _BETWEEN, _BETWEEN.replace("{start_time}", "2024-03-01 08:00"), "2024-03-01"),
    Defect("DI", "a table that is not there", "FROM queues", "FROM queue_log"),
    Defect("DI", "a column that is not there", "SELECT carrier, avg(pickup_hours)", "SELECT carrier, avg(pickup_time)"),
    Defect("DI", "a query in words", _CARRIERS, "Run the query that shows the carriers.\n\n```text\navg(pickup_hours)", "Run the query"),
    Defect("DI", "no language", "```sql\nSELECT article", "```\nSELECT article", "SELECT article"),
    Defect("DI", "a parenthesis", "SELECT article, count(*) AS", "SELECT article, count(* AS"),
    Defect(
        "DI",
        "two tables, one name",
        "FROM parcels",
        "FROM parcels\nJOIN orders ON orders.article = parcels.article",
        "WHERE shop = '{shop}'\nGROUP",
    ),
    Defect("PS", "a number twice", "## Step 4: Sum up", "## Step 3: Sum up"),
    Defect("PS", "never closed", "GROUP BY carrier\n```", "GROUP BY carrier\n", "SELECT carrier"),
    Defect("PS", "another level", "### Step 3.2: Stock", "## Step 3.2: Stock"),
    Defect("PS", "no title", "### Step 3.3: Carriers", "### Step 3.3"),
    Defect("PS", "a gap", "## Step 5: Act", "## Step 6: Act"),
    Defect("PS", "no heading", "### Step 3.3: Carriers", "**Step 3.3: Carriers**"),
    Defect("PS", "empty", "Consolidate what the parts have shown. Go to Step 5.\n", "", "Step 4: Sum up"),
)

# Twenty more for the public parallel guide, written when the rules stood as they stand: nothing was changed for their sake.
_STEP3 = "recommend disabling it. **This is a potential resolution.**\n\nOtherwise, proceed to Step "
PUBLIC_DEFECTS = (
    Defect(
        "CP",
        "noticeably more",
        "If the latest version shows REGRESSION_DETECTED (>10% increase in failure rate)",
        "If it fails noticeably more",
    ),
    Defect("CP", "suspicious", "shows HIGH_ERROR_RATE (>8% error rate with >1000 requests)", "has a suspicious error rate"),
    Defect("CP", "not well", "Identify regions with CRITICAL or WARNING status.", "Identify regions that do not do well."),
    Defect("CP", "in trouble", "Zones with CRITICAL or DEGRADED status need", "Zones that are in trouble need"),
    Defect("CF", "no way on", "WARNING status. Proceed to Step 11.", "WARNING status.", "## Step 4"),
    Defect("CF", "no such step", "Otherwise, proceed to Step 11.\n\n## Step 3", "Otherwise, proceed to Step 12.\n\n## Step 3"),
    Defect("CF", "no end", "**This is the final outcome of this TSG.**", "", "## Step 11"),
    Defect("CF", "round in a circle", f"{_STEP3}11.", f"{_STEP3}3.", "## Step 3"),
    Defect("CF", "left out of the start", "start Steps 2 through 10 in parallel", "start Steps 2 through 9 in parallel", "## Step 10"),
    Defect("DF", "not collected", "- `environment`: The deployment environment (`dev`, `staging`, or `prod`)\n", "", "'{environment}'"),
    Defect(
        "DF",
        "another name",
        "AND region = '{region}'\nAND environment",
        "AND region = '{affected_region}'\nAND environment",
        "{affected_region}",
    ),
    Defect("DF", "no such result", "# Access the workflow data", 'df = memory.get_data("plugin_12_result")\n# Access the workflow data'),
    Defect(
        "DI",
        "no such table",
        "MAX(latency_ms) as max_latency\n    FROM api_gateway_logs",
        "MAX(latency_ms) as max_latency\n    FROM gateway_logs",
        "FROM gateway_logs",
    ),
    Defect(
        "DI",
        "a place written out",
        "AND region = '{region}'\n    AND environment",
        "AND region = 'us-east'\n    AND environment",
        "region = 'us-east'\n",
    ),
    Defect(
        "DI",
        "no such column",
        "        endpoint_path,\n        http_method",
        "        endpoint_pth,\n        http_method",
        "WITH endpoint_metrics",
    ),
    Defect(
        "DI",
        "told, not given",
        "Identify the most impactful errors affecting system reliability.",
        "Query the error table for the most impactful errors.",
    ),
    Defect("PS", "a number twice", "## Step 7 - App", "## Step 8 - App"),
    Defect("PS", "never closed", "</PLUGIN_5>\n", "", "<PLUGIN_5>"),
    Defect("PS", "another level", "## Step 10 - Top", "#### Step 10 - Top"),
    Defect("PS", "no heading", "## Step 6 - Zone", "Step 6 - Zone"),
)

"""The tables of `schema` on PostgreSQL, and our statements in its words.

The same columns, and a tenant last, which row security fills in and asks for; so no statement names it. Names are compared
byte for byte, as SQLite does, whatever the server's locale. Payloads are bytea: the exact bytes that were hashed.
"""

import re
from functools import lru_cache

from clew.storage import schema

SETTING = "clew.tenant"
BUCKETS = 8  # partitions of the event table, by (tenant, user)
TENANT = f"tenant text COLLATE \"C\" NOT NULL DEFAULT current_setting('{SETTING}')"
WORDS = 'text COLLATE "C"'

KEYS = {  # per table what follows PRIMARY KEY (tenant, ...), other constraints, and the indexes as (name, columns, condition)
    "meta": ("key", (), ()),
    "name": ("id", (), (("UNIQUE", "name_text", "md5(text)", ""),)),
    "event": (
        "owner, seq",
        (),
        (
            ("", "event_seq", "seq", ""),
            ("", "event_user", '"user", seq', ""),
            ("", "event_agent", "agent, seq", "WHERE agent IS NOT NULL"),
        ),
    ),
    "key": ("mac", (), ()),
    "answer": (
        "id",
        ("recipe, part, seq, path, request, attempt",),
        (("", "answer_made", "made", ""), ("", "answer_call", "recipe, part, seq", "")),
    ),
    "answer_rest": ("seq, answer", (), (("", "answer_rest_answer", "answer", ""),)),
    "vector": ("part, space, mac", (), ()),
    "fault": ("id", (), ()),
    "generation": ("id", (), (("UNIQUE", "generation_serving", "recipe", "WHERE state = 'serving'"),)),
    "partition": (
        "id",
        ('generation, "user", agent, session',),
        (("", "partition_waiting", "generation", "WHERE waiting IS NOT NULL"),),
    ),
    "memory": (
        "place",
        (),
        (
            ("", "memory_id", "id", ""),
            ("", "memory_closed", "(place >> 32), closed", "WHERE closed IS NOT NULL"),
            ("", "memory_aside", "opened", "WHERE status='quarantined'"),
        ),
    ),
    "link": ("", (), (("UNIQUE", "link_place", "place, md5(node)", ""), ("", "link_node", "(place >> 32), md5(node)", ""))),
    "posting": ("", (), (("", "posting_term", "partition, md5(term), first", ""),)),
    "block": ("partition, space, first", (), ()),
}
"""A term, a link or a name may be longer than an index row can be: they are found by their md5, which every question asks too."""

TYPES = {"INTEGER": "bigint", "TEXT": WORDS, "BLOB": "bytea", "REAL": "double precision", "": "clew.value"}
_TABLE = re.compile(r"CREATE TABLE (\w+)\((.*?)\)(?: WITHOUT ROWID)?;", re.DOTALL)
_COLUMN = re.compile(r"(\w+)(?: (INTEGER|TEXT|BLOB|REAL))?( PRIMARY KEY)?( NOT NULL)?( UNIQUE)?")

VALUE = """
CREATE TYPE clew.value AS (number bigint, bytes bytea, words text);
CREATE FUNCTION clew.of_number(bigint) RETURNS clew.value LANGUAGE sql IMMUTABLE AS 'SELECT ROW($1, NULL, NULL)::clew.value';
CREATE FUNCTION clew.of_bytes(bytea) RETURNS clew.value LANGUAGE sql IMMUTABLE AS 'SELECT ROW(NULL, $1, NULL)::clew.value';
CREATE FUNCTION clew.of_words(text) RETURNS clew.value LANGUAGE sql IMMUTABLE AS 'SELECT ROW(NULL, NULL, $1)::clew.value';
CREATE FUNCTION clew.plain(text) RETURNS bytea LANGUAGE sql IMMUTABLE AS $$SELECT convert_to($1, 'UTF8')$$;
CREATE FUNCTION clew.plain(bytea) RETURNS bytea LANGUAGE sql IMMUTABLE AS 'SELECT $1';
CREATE CAST (bigint AS clew.value) WITH FUNCTION clew.of_number(bigint) AS ASSIGNMENT;
CREATE CAST (bytea AS clew.value) WITH FUNCTION clew.of_bytes(bytea) AS ASSIGNMENT;
CREATE CAST (text AS clew.value) WITH FUNCTION clew.of_words(text) AS ASSIGNMENT;
"""
"""What `meta` holds is a number, bytes or words: in SQLite a column without a type."""


def columns() -> dict[str, list[tuple[str, str]]]:
    """(column, type with its constraint) of every table, in the order of `schema.TABLES`: one schema, told once."""
    found: dict[str, list[tuple[str, str]]] = {}
    bare = re.sub(r"--[^\n]*", "", schema.TABLES)
    for table, body in _TABLE.findall(bare):
        body = re.sub(r",\s*(PRIMARY KEY|UNIQUE)\s*\([^)]*\)", "", body)
        parts = [_COLUMN.fullmatch(" ".join(part.split())) for part in body.split(",")]
        found[table] = [(m[1], TYPES[m[2] or ""] + (" NOT NULL" if m[4] else "")) for m in parts if m]
    return found


def statements() -> str:
    """All that makes the schema `clew` of a database that has none."""
    out = ["CREATE SCHEMA clew;", VALUE, "CREATE TABLE clew.format(number bigint NOT NULL);"]
    out.append(f"INSERT INTO clew.format VALUES ({schema.FORMAT});")
    for table, held in columns().items():
        primary, unique, _ = KEYS[table]
        lines = [f'"{name}" {kind}' for name, kind in held]
        lines += ["owner bigint NOT NULL"] if table == "event" else []
        lines += [TENANT, *([f"PRIMARY KEY (tenant, {primary})"] if primary else []), *(f"UNIQUE (tenant, {names})" for names in unique)]
        spread = " PARTITION BY HASH (tenant, owner)" if table == "event" else ""
        out.append(f"CREATE TABLE clew.{table}({', '.join(lines)}){spread};")
        mine = [table]
        if spread:
            mine += [f"event_{i}" for i in range(BUCKETS)]
            out += [
                f"CREATE TABLE clew.event_{i} PARTITION OF clew.event FOR VALUES WITH (MODULUS {BUCKETS}, REMAINDER {i});"
                for i in range(BUCKETS)
            ]
        out += [secured(name) for name in mine]
    out += [f"{statement};" for statement in indexes().values()]
    out += [f"CREATE TABLE clew.lease(name {WORDS} NOT NULL, {TENANT}, PRIMARY KEY (tenant, name));", secured("lease")]
    return "\n".join(out)


def indexes() -> dict[str, str]:
    """The statement that makes each index, by its name."""
    return {
        name: f"CREATE {kind} INDEX IF NOT EXISTS {name} ON clew.{table}(tenant, {names}) {where}"
        for table, (_, _, held) in KEYS.items()
        for kind, name, names, where in held
    }


MINE = f"tenant = nullif(current_setting('{SETTING}', true), '')"  # after a transaction that had set it, it is not absent but empty


def secured(table: str) -> str:
    """Row security, its owner's rows too: without the setting nothing is seen, and nothing can be written."""
    return (
        f"ALTER TABLE clew.{table} ENABLE ROW LEVEL SECURITY; ALTER TABLE clew.{table} FORCE ROW LEVEL SECURITY;"
        f" CREATE POLICY tenant ON clew.{table} USING ({MINE}) WITH CHECK ({MINE});"
    )


def later() -> dict[str, str]:
    """What an older schema may lack, by its name in `HAVE`: indexes, and the policies as they are now."""
    tables = [*KEYS, "lease", *(f"event_{i}" for i in range(BUCKETS))]
    return {**indexes(), "policy": ";".join(f"ALTER POLICY tenant ON clew.{table} USING ({MINE}) WITH CHECK ({MINE})" for table in tables)}


HAVE = (
    "SELECT indexname::text FROM pg_indexes WHERE schemaname='clew'"
    " UNION ALL SELECT 'policy' FROM pg_policies WHERE schemaname='clew' AND tablename='lease' AND with_check LIKE '%NULLIF%'"
)


# -- our statements -------------------------------------------------------------------------------------------------

PHRASES = {
    "json_extract(rest, '$[3]') != ''": "rest::json->>3 != ''",
    "json_array_length(rest, '$[0]')": "json_array_length(rest::json->0)",
    "json_extract(rest, '$[0][0][0]') != opened": "(rest::json->0->0->>0)::bigint != opened",
    "lower(hex(id))": "encode(id, 'hex')",
    "randomblob(16)": "uuid_send(gen_random_uuid())",
    "seq INTEGER PRIMARY KEY": "seq bigint PRIMARY KEY",
    "SELECT name FROM sqlite_schema WHERE type='table'": (
        "SELECT relname::text FROM pg_class WHERE relnamespace='clew'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition"
    ),
    "SELECT sql FROM sqlite_schema": "SELECT table_name::text || ' ' || column_name::text FROM information_schema.columns WHERE table_schema='clew'",
}
_TYPED = re.compile(r"SELECT CAST\((\"\w+\") AS BLOB\) FROM (\"\w+\") WHERE typeof\(\"\w+\"\) IN \('text', 'blob'\)")
_INFO = re.compile(r"PRAGMA table_info\(\"(\w+)\"\)")
_INTO = re.compile(r"INSERT INTO (\w+)")
_WITHIN = re.compile(r"instr\((\w+), CAST\(('(?:[^']|'')*'|\?) AS BLOB\)\)")
_SAME = re.compile(r"\bIS \?")
_NOTHING = re.compile(r"\bIN \(\s*\)")
_SHIFT = re.compile(r">> \?")
_LONG = re.compile(r"(?<![\w.])(term|node|text)\s*=\s*\?")  # of what may be longer than an index takes
_TOKEN = re.compile(r"'(?:[^']|'')*'|\"[^\"]*\"|\?(\d*)|(?<![\w\"])(user|offset)(?![\w\"])")


@lru_cache(1024)
def said(statement: str) -> str:
    """One of our statements as PostgreSQL takes it, values as $1, $2."""
    for ours, theirs in PHRASES.items():
        statement = statement.replace(ours, theirs)
    statement = _TYPED.sub(r"SELECT clew.plain(\1) FROM \2 WHERE \1 IS NOT NULL", statement)
    statement = _INFO.sub(
        "SELECT ordinal_position, column_name::text FROM information_schema.columns"
        r" WHERE table_schema='clew' AND table_name='\1' AND data_type IN ('text', 'bytea')",
        statement,
    )
    statement = _WITHIN.sub(r"position(convert_to(\2::text, 'UTF8') in \1) > 0", statement)
    statement = _SAME.sub("IS NOT DISTINCT FROM ?", statement)
    statement = _NOTHING.sub("IN (SELECT NULL::bigint WHERE false)", statement)
    statement = _SHIFT.sub(">> ?::integer", statement)
    if "ON CONFLICT DO UPDATE" in statement and (into := _INTO.search(statement)):
        statement = statement.replace("ON CONFLICT DO UPDATE", f"ON CONFLICT ON CONSTRAINT {into[1]}_pkey DO UPDATE")
    count = 0

    def token(found: re.Match[str]) -> str:
        nonlocal count
        if found[2]:
            return f'"{found[2]}"'  # words of its own: unquoted, `user` is who is connected
        if not found[0].startswith("?"):
            return found[0]
        number = int(found[1]) if found[1] else count + 1
        count = max(count, number)
        return f"${number}"

    numbered = _TOKEN.sub(token, _LONG.sub(r"\1=?", statement))
    return re.sub(r"(?<![\w.])(term|node|text)=(\$\d+)", r"md5(\1)=md5(\2) AND \1=\2", numbered)


NEW_EVENT = f"INSERT INTO event({schema.EVENT}, owner) VALUES ({','.join(f'?{i}' for i in range(1, 17))}, coalesce(?3::bigint, 0))"

"""The tables, format 1. DESIGN section 10 settles what each column is for.

`place` is partition << 32 | slot: rows of one partition lie together and in order of their making.
"""

APPLICATION_ID = 0x436C6577  # "Clew": tells our files from foreign ones
FORMAT = 1
# Indexes that came later: they change no row, so an older Clew reads such a file as before.
ADDED = {"memory_aside": "CREATE INDEX IF NOT EXISTS memory_aside ON memory(opened) WHERE status='quarantined'"}
# What makes format n of format n - 1, in SQLite's words and in PostgreSQL's: whoever opens it first does so, in one transaction.
STEPS: dict[int, tuple[str, str]] = {}
SLOT_BITS = 32
EVENT = "seq, kind, user, agent, session, actor, trust, at, offset, recorded, lived, format, salt, payload, digest, chain"

TABLES = """
CREATE TABLE meta(key TEXT PRIMARY KEY, value) WITHOUT ROWID;

-- Truth. Names live once, so that forgetting a person blanks one row.
CREATE TABLE name(id INTEGER PRIMARY KEY, text TEXT UNIQUE);
CREATE TABLE event(
  seq INTEGER PRIMARY KEY, kind TEXT NOT NULL, user INTEGER, agent INTEGER, session INTEGER, actor INTEGER,
  trust INTEGER NOT NULL, at INTEGER NOT NULL, offset INTEGER NOT NULL, recorded INTEGER NOT NULL,
  lived INTEGER NOT NULL, format INTEGER NOT NULL, salt BLOB, payload BLOB, digest BLOB NOT NULL, chain BLOB NOT NULL);
CREATE INDEX event_user ON event(user, seq);
CREATE INDEX event_agent ON event(agent, seq) WHERE agent IS NOT NULL;
CREATE TABLE key(mac BLOB PRIMARY KEY, seq INTEGER NOT NULL) WITHOUT ROWID;

-- What models answered, of every outcome: truth and cost ledger in one.
CREATE TABLE answer(
  id INTEGER PRIMARY KEY, recipe TEXT NOT NULL, part BLOB NOT NULL, seq INTEGER NOT NULL, path TEXT NOT NULL,
  request BLOB NOT NULL, attempt INTEGER NOT NULL, outcome TEXT NOT NULL, body BLOB, stage TEXT NOT NULL,
  model TEXT NOT NULL, user INTEGER, tokens_in INTEGER NOT NULL, tokens_out INTEGER NOT NULL, cost REAL NOT NULL,
  ms INTEGER NOT NULL, made INTEGER NOT NULL, salt BLOB, digest BLOB NOT NULL, chain BLOB NOT NULL,
  UNIQUE(recipe, part, seq, path, request, attempt));
CREATE INDEX answer_made ON answer(made);
CREATE TABLE answer_rest(seq INTEGER, answer INTEGER, PRIMARY KEY(seq, answer)) WITHOUT ROWID;
-- Vectors of spaces that cannot be recomputed exactly are kept as they were seen.
CREATE TABLE vector(part BLOB, space TEXT, mac BLOB, seq INTEGER NOT NULL, codes BLOB NOT NULL,
  PRIMARY KEY(part, space, mac)) WITHOUT ROWID;
CREATE TABLE fault(id INTEGER PRIMARY KEY, generation INTEGER, recipe TEXT, operator TEXT, seq INTEGER, error TEXT, made INTEGER);

-- Views: disposable.
CREATE TABLE generation(id INTEGER PRIMARY KEY, recipe TEXT NOT NULL, fingerprint TEXT NOT NULL, declared TEXT NOT NULL,
  shares TEXT NOT NULL, state TEXT NOT NULL, made INTEGER NOT NULL, swept INTEGER NOT NULL);
CREATE UNIQUE INDEX generation_serving ON generation(recipe) WHERE state = 'serving';
CREATE TABLE partition(id INTEGER PRIMARY KEY, generation INTEGER NOT NULL, mark BLOB NOT NULL,
  user INTEGER NOT NULL, agent INTEGER NOT NULL, session INTEGER NOT NULL,
  cursor INTEGER NOT NULL, ordinal INTEGER NOT NULL, slots INTEGER NOT NULL, epoch INTEGER NOT NULL, version INTEGER NOT NULL,
  waiting TEXT, UNIQUE(generation, user, agent, session));
CREATE INDEX partition_waiting ON partition(generation) WHERE waiting IS NOT NULL;
CREATE TABLE memory(
  place INTEGER PRIMARY KEY, id BLOB NOT NULL, kind TEXT NOT NULL, text TEXT NOT NULL,
  user INTEGER, agent INTEGER, session INTEGER, actor INTEGER, opened INTEGER NOT NULL, closed INTEGER,
  ended TEXT, since INTEGER, until INTEGER, retired TEXT, status TEXT NOT NULL, trust INTEGER NOT NULL, length INTEGER NOT NULL,
  traits INTEGER NOT NULL,  rest TEXT NOT NULL);
CREATE INDEX memory_id ON memory(id);
CREATE INDEX memory_closed ON memory(place >> 32, closed) WHERE closed IS NOT NULL;
CREATE TABLE link(place INTEGER, node TEXT, PRIMARY KEY(place, node)) WITHOUT ROWID;
CREATE INDEX link_node ON link(place >> 32, node);
CREATE TABLE posting(partition INTEGER, term TEXT, first INTEGER, slots BLOB NOT NULL,
  PRIMARY KEY(partition, term, first)) WITHOUT ROWID;
CREATE TABLE block(partition INTEGER, space TEXT, first INTEGER, codes BLOB NOT NULL,
  PRIMARY KEY(partition, space, first)) WITHOUT ROWID;
"""

"""The answers file's tables, and what makes a file of one version a file of the next."""

from __future__ import annotations

APPLICATION_ID = 0x4C4C4D54  # "LLMT"
SCHEMA_VERSION = 6
_HELD = """
CREATE TABLE owners (              -- who holds something: processes, or parts of them
    owner TEXT PRIMARY KEY,        -- machine, process, its start, a random token
    expires REAL NOT NULL          -- seconds since 1970, UTC: the living put it off
) WITHOUT ROWID;
CREATE TABLE leases (              -- questions being asked right now
    key TEXT PRIMARY KEY,
    owner TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE reserves (            -- what a request under way may cost at most
    id TEXT PRIMARY KEY,
    owner TEXT NOT NULL,
    calls INTEGER NOT NULL,
    tokens INTEGER NOT NULL,
    usd REAL NOT NULL
) WITHOUT ROWID;
CREATE INDEX answers_created ON answers (created, key)
"""
_FACTS = """
CREATE TABLE facts (               -- what is known of a server, for one
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID
"""
# With its rows apart from its keys: rows of ten replies make a tree too deep to look up in.
_ANSWERS = """
CREATE TABLE answers (
    key TEXT PRIMARY KEY,          -- sha256 of model, elicitation, messages and parameters
    model TEXT NOT NULL,
    elicitation TEXT NOT NULL,
    text TEXT NOT NULL,            -- the situation this question was first asked for
    prompt TEXT NOT NULL,          -- JSON: messages
    reply TEXT NOT NULL,           -- JSON: raw texts, log-probabilities, tokens, cost, seconds
    prompt_tokens INTEGER NOT NULL,
    completion_tokens INTEGER NOT NULL,
    cost_usd REAL NOT NULL,
    seconds REAL NOT NULL,
    created REAL NOT NULL,         -- seconds since 1970, UTC
    edited INTEGER NOT NULL DEFAULT 0  -- 1: a person has replaced what the model said
)
"""
SCHEMA = f"""
CREATE TABLE spend (               -- one row: what has been paid for since the file was made
    one INTEGER PRIMARY KEY CHECK (one = 1),
    calls INTEGER NOT NULL,
    tokens INTEGER NOT NULL,
    usd REAL NOT NULL
);
INSERT INTO spend VALUES (1, 0, 0, 0.0);
{_ANSWERS};
{_HELD};{_FACTS}"""
MIGRATIONS = {
    1: "ALTER TABLE answers ADD COLUMN edited INTEGER NOT NULL DEFAULT 0",
    2: "ALTER TABLE claims RENAME TO leases",
    3: f"DROP TABLE leases;{_HELD}",
    4: _FACTS,
    5: f"""
ALTER TABLE answers RENAME TO old; DROP INDEX answers_created; {_ANSWERS};
INSERT INTO answers SELECT key, model, elicitation, text, prompt, reply, prompt_tokens,
    completion_tokens, cost_usd, seconds, created, edited FROM old;
DROP TABLE old; CREATE INDEX answers_created ON answers (created, key)""",
}

"""The schema of state.db, one step after the other. Imported only when a step is due."""

from __future__ import annotations

import sqlite3

from hermes_home.leaving_out import leaving_out

with leaving_out("numpy", "pandas"):  # most of its cost, and there are no arrays here
    import sqlite_utils

migrations = sqlite_utils.Migrations("state")


@migrations()
def m001_journal_queues_blobs(db: sqlite_utils.Database) -> None:
    for statement in (
        """CREATE TABLE events (
            seq INTEGER PRIMARY KEY AUTOINCREMENT,
            session TEXT NOT NULL,
            run TEXT NOT NULL,
            kind TEXT NOT NULL,
            at REAL NOT NULL,
            body TEXT NOT NULL)""",
        "CREATE INDEX events_session ON events (session, seq)",
        # What a start must find without reading the whole journal.
        """CREATE INDEX events_runs ON events (session, seq, kind)
            WHERE kind IN ('RunStarted', 'RunFinished')""",
        """CREATE INDEX events_changes ON events (seq)
            WHERE kind IN ('ChangeIntended', 'ChangeMade', 'ChangeDecided')""",
        """CREATE TABLE inbox (
            number INTEGER PRIMARY KEY AUTOINCREMENT,
            id TEXT NOT NULL UNIQUE,
            session TEXT NOT NULL,
            source TEXT NOT NULL,
            key TEXT UNIQUE,
            body TEXT NOT NULL,
            at REAL NOT NULL,
            position INTEGER NOT NULL,
            after_seq INTEGER NOT NULL,
            taken INTEGER,
            dropped TEXT)""",
        """CREATE INDEX inbox_pending ON inbox (session, number)
            WHERE taken IS NULL AND dropped IS NULL""",
        """CREATE TABLE outbox (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            session TEXT NOT NULL,
            seq INTEGER NOT NULL,
            channel TEXT NOT NULL,
            body TEXT NOT NULL,
            state TEXT NOT NULL DEFAULT 'intent' CHECK (state IN ('intent', 'accepted', 'final')),
            at REAL NOT NULL)""",
        "CREATE INDEX outbox_unseen ON outbox (channel, id) WHERE state <> 'final'",
        "CREATE TABLE blobs (hash TEXT PRIMARY KEY, text TEXT NOT NULL) WITHOUT ROWID",
        "PRAGMA user_version = 1",
    ):
        db.execute(statement)


@migrations()
def m002_channels(db: sqlite_utils.Database) -> None:
    for statement in (
        # What a channel heard, until it was handed on. `done` says what came of it.
        """CREATE TABLE arrivals (
            number INTEGER PRIMARY KEY AUTOINCREMENT,
            platform TEXT NOT NULL,
            account TEXT NOT NULL,
            event TEXT NOT NULL,
            address TEXT NOT NULL,
            body TEXT NOT NULL,
            at REAL NOT NULL,
            done TEXT,
            UNIQUE (platform, account, event))""",
        "CREATE INDEX arrivals_open ON arrivals (number) WHERE done IS NULL",
        # Which session is talked to where, and by whom: in a group each has his own. `private`:
        # nobody else reads along.
        """CREATE TABLE chats (
            address TEXT NOT NULL,
            principal TEXT NOT NULL,
            private INTEGER NOT NULL,
            session TEXT NOT NULL,
            busy TEXT NOT NULL DEFAULT '',
            at REAL NOT NULL,
            PRIMARY KEY (address, principal)) WITHOUT ROWID""",
        "CREATE INDEX chats_session ON chats (session)",
        # Who may speak besides those whom the settings name.
        """CREATE TABLE grants (
            id TEXT PRIMARY KEY,
            platform TEXT NOT NULL,
            account TEXT NOT NULL,
            sender TEXT NOT NULL,
            address TEXT NOT NULL,
            role TEXT NOT NULL CHECK (role IN ('owner', 'guest')),
            name TEXT NOT NULL DEFAULT '',
            at REAL NOT NULL,
            expires REAL,
            revoked REAL) WITHOUT ROWID""",
        """CREATE TABLE pairing_codes (
            hash TEXT PRIMARY KEY,
            platform TEXT NOT NULL,
            role TEXT NOT NULL CHECK (role IN ('owner', 'guest')),
            days REAL NOT NULL DEFAULT 0,
            at REAL NOT NULL,
            expires REAL NOT NULL,
            used REAL) WITHOUT ROWID""",
        # One row per message that is to be seen somewhere. `tried`: an attempt began whose
        # outcome is not known yet; `doubts`: attempts whose outcome will never be known;
        # `drafted`: a part of it may be seen in a message that cannot be changed.
        # `receipt`: the platform's id of the message. `failed`: it is final and did not arrive.
        # `due`: not before.
        "ALTER TABLE outbox ADD COLUMN run TEXT NOT NULL DEFAULT ''",
        "ALTER TABLE outbox ADD COLUMN kind TEXT NOT NULL DEFAULT 'answer'",
        "ALTER TABLE outbox ADD COLUMN part INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE outbox ADD COLUMN tried REAL",
        "ALTER TABLE outbox ADD COLUMN attempts INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE outbox ADD COLUMN doubts INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE outbox ADD COLUMN drafted INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE outbox ADD COLUMN due REAL NOT NULL DEFAULT 0",
        "ALTER TABLE outbox ADD COLUMN receipt TEXT NOT NULL DEFAULT ''",
        "ALTER TABLE outbox ADD COLUMN failed TEXT NOT NULL DEFAULT ''",
        "CREATE INDEX outbox_session ON outbox (session) WHERE state <> 'final'",
        "CREATE INDEX outbox_failed ON outbox (id) WHERE failed <> ''",
        "PRAGMA user_version = 2",
    ):
        db.execute(statement)


@migrations()
def m003_jobs(db: sqlite_utils.Database) -> None:
    for statement in (
        # What became of each due time of each job; exactly one row for each. `stage`: how far a
        # claimed one has come (see memory/occurrences.py). `sent`: the outbox rows of its result.
        """CREATE TABLE occurrences (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            job TEXT NOT NULL,
            due REAL NOT NULL,
            status TEXT NOT NULL CHECK
                (status IN ('claimed', 'ran', 'failed', 'skipped', 'missed')),
            reason TEXT NOT NULL DEFAULT '',
            stage TEXT NOT NULL DEFAULT '',
            session TEXT NOT NULL DEFAULT '',
            output TEXT NOT NULL DEFAULT '',
            sent TEXT NOT NULL DEFAULT '',
            claimed_at REAL NOT NULL,
            ended_at REAL,
            UNIQUE (job, due))""",
        "CREATE INDEX occurrences_open ON occurrences (id) WHERE status = 'claimed'",
        "CREATE INDEX occurrences_sent ON occurrences (sent) WHERE sent <> ''",
        # Up to which instant a job's due times have been accounted for; `state`: the schedule
        # by which, as JSON; `closed`: nothing due up to then runs (again), its rows are gone.
        """CREATE TABLE jobs (
            name TEXT PRIMARY KEY,
            accounted REAL NOT NULL,
            state TEXT NOT NULL DEFAULT '',
            closed REAL NOT NULL DEFAULT 0) WITHOUT ROWID""",
        "PRAGMA user_version = 3",
    ):
        db.execute(statement)


@migrations()
def m004_learning(db: sqlite_utils.Database) -> None:
    for statement in (
        "DROP INDEX events_changes",
        """CREATE INDEX events_changes ON events (seq)
            WHERE kind IN ('ChangeIntended', 'ChangeMade', 'ChangeDecided', 'SkillMoved',
                'RightSet', 'CuratorRan', 'CuratorPaused', 'Forgotten')""",
        "PRAGMA user_version = 4",
    ):
        db.execute(statement)


def apply(connection: sqlite3.Connection) -> None:
    """Every step that is due, each in a transaction of its own together with its version."""
    migrations.apply(sqlite_utils.Database(connection, execute_plugins=False))

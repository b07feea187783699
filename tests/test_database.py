"""state.db: how it is made, what it refuses, and that it is copied before its schema moves."""

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
import sqlite_utils

from hermes_home.errors import StoreError
from hermes_home.paths import APPLICATION_ID, Home
from memory import migrations
from memory.database import SCHEMA_VERSION, Database
from memory.journal import Journal
from memory.outbox import Outbox

ROOT = Path(__file__).parent.parent


def pragma(connection: sqlite3.Connection, name: str) -> object:
    return connection.execute(f"PRAGMA {name}").fetchone()[0]


def test_a_new_database_is_ours_private_and_durable(home: Home) -> None:
    with closing(Database(home)) as database:
        assert pragma(database.connection, "application_id") == APPLICATION_ID
        assert pragma(database.connection, "user_version") == SCHEMA_VERSION
        assert pragma(database.connection, "journal_mode") == "wal"
        assert pragma(database.connection, "synchronous") == 2
        assert pragma(database.connection, "foreign_keys") == 1
        for path in home.root.glob("state.db*"):
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
        database.check()


def test_the_file_header_bears_our_mark_while_everything_else_is_in_the_wal(home: Home) -> None:
    with closing(Database(home)):
        header = home.state_db.read_bytes()[:100]
    assert header[68:72] == APPLICATION_ID.to_bytes(4)


def test_loose_permissions_are_taken_away(home: Home) -> None:
    Database(home).close()
    home.state_db.chmod(0o644)
    Database(home).close()
    assert stat.S_IMODE(home.state_db.stat().st_mode) == 0o600


def test_a_newer_schema_is_refused_by_name_and_left_alone(home: Home) -> None:
    Database(home).close()
    with closing(sqlite3.connect(home.state_db)) as connection:
        connection.execute("PRAGMA user_version = 99")
    before = home.state_db.read_bytes()
    with pytest.raises(StoreError, match="schema 99") as caught:
        Database(home)
    assert caught.value.hint
    assert home.state_db.read_bytes() == before


def test_another_programs_database_is_refused(home: Home) -> None:
    with closing(sqlite3.connect(home.state_db)) as connection:
        connection.execute("CREATE TABLE sessions (id TEXT)")
    with pytest.raises(StoreError, match="another program"):
        Database(home)


def test_a_damaged_file_is_told_with_the_next_step(home: Home) -> None:
    home.state_db.write_bytes(b"not a database at all" * 400)
    with pytest.raises(StoreError, match="damaged") as caught:
        Database(home)
    assert "backup" in caught.value.hint


def test_a_damaged_page_is_found_by_the_check(home: Home) -> None:
    with closing(Database(home)) as database:
        database.connection.execute("BEGIN")
        for number in range(500):
            row = ("s", "", "Noticed", 0.0, f"{number}" * 100)
            database.connection.execute("INSERT INTO events VALUES (NULL, ?, ?, ?, ?, ?)", row)
        database.connection.execute("COMMIT")
    data = bytearray(home.state_db.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 4096] = os.urandom(4096)
    home.state_db.write_bytes(data)
    with closing(Database(home)) as database, pytest.raises(StoreError, match="damaged"):
        database.check()


def test_a_home_that_cannot_be_written_is_told(home: Home) -> None:
    (home.root / "file").write_text("")
    with pytest.raises(StoreError, match="cannot be made"):
        Database(Home(home.root / "file"))


def test_the_database_is_copied_before_a_migration(home: Home) -> None:
    with closing(Database(home)) as database:
        database.connection.execute("INSERT INTO blobs VALUES ('h', 'kept')")
    # A database of an earlier schema that still waits for the step.
    with closing(sqlite3.connect(home.state_db)) as connection:
        listed = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        tables = [name for (name,) in listed if not name.startswith(("sqlite_", "_sqlite"))]
        connection.execute("CREATE TABLE earlier AS SELECT * FROM blobs")
        for table in tables:
            connection.execute(f"DROP TABLE {table}")
        connection.execute("DELETE FROM _sqlite_migrations")
        connection.execute("PRAGMA user_version = 0")
        connection.commit()
    with closing(Database(home)) as database:
        assert pragma(database.connection, "user_version") == SCHEMA_VERSION
    copy = home.root / "state.db.schema-0"
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    with closing(sqlite3.connect(copy)) as connection:
        assert connection.execute("SELECT text FROM earlier").fetchone() == ("kept",)
        assert pragma(connection, "user_version") == 0


def test_what_was_to_be_sent_survives_the_step_to_schema_2(home: Home) -> None:
    with closing(sqlite3.connect(home.state_db)) as connection:
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        earlier = sqlite_utils.Database(connection)
        migrations.migrations.apply(earlier, stop_before="m002_channels")
        connection.execute(
            "INSERT INTO outbox (session, seq, channel, body, at) VALUES ('s', 1, 'c', 'words', 2)"
        )
        connection.commit()
    with closing(Database(home)) as database:
        (parcel,) = Outbox(database).unseen()
        assert (parcel.session, parcel.body, parcel.state) == ("s", "words", "intent")


def test_a_migration_that_fails_leaves_the_database_as_it_was(home: Home) -> None:
    with closing(sqlite3.connect(home.state_db)) as connection:
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute("CREATE TABLE inbox (mine TEXT)")
    with pytest.raises(StoreError, match="inbox"):
        Database(home)
    with closing(sqlite3.connect(home.state_db)) as connection:
        names = {row[0] for row in connection.execute("SELECT name FROM sqlite_master")}
        assert pragma(connection, "user_version") == 0
    assert "inbox" in names
    assert "events" not in names


def test_an_existing_database_opens_without_the_migration_library(home: Home) -> None:
    Database(home).close()
    program = (
        "import sys; from pathlib import Path; from hermes_home.paths import Home;"
        "from memory.database import Database; from memory.journal import Journal;"
        f"database = Database(Home(Path({str(home.root)!r}))); Journal(database);"
        "database.close(); sys.exit('sqlite_utils' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=False).returncode == 0


def test_the_journals_questions_at_start_use_its_partial_indexes(home: Home) -> None:
    asked: list[str] = []
    with closing(Database(home)) as database:
        journal = Journal(database)
        database.connection.set_trace_callback(asked.append)
        journal.sessions_unfinished()
        journal.changes()
        database.connection.set_trace_callback(None)
        plans = [
            database.connection.execute(f"EXPLAIN QUERY PLAN {query}").fetchall()[0][3]
            for query in asked
        ]
    assert "events_runs" in plans[0]
    assert "events_changes" in plans[1]

"""Runs in an agent's interpreter: fills the agent's own store, searches it, prints JSON.

usage: python -P store_child.py AGENT FOLDER CORPUS
"""

import asyncio
import contextlib
import importlib
import json
import sqlite3
import sys
import time
from pathlib import Path
from typing import Any

LIMIT = 20
AT_ONCE = 50


class Bare:
    """The floor: one table, each transaction on disk, and a full-text index made afterwards."""

    def __init__(self, folder):
        self.db = sqlite3.connect(folder / "bare.db", isolation_level=None)
        self.db.execute("pragma journal_mode = wal")
        self.db.execute("pragma synchronous = full")
        self.db.execute("create table messages (session text, role text, text text)")

    def fill(self, messages, at_once):
        for batch in batches(messages, at_once):
            self.db.execute("begin")
            self.db.executemany("insert into messages values (?, ?, ?)", batch)
            self.db.execute("commit")

    def finish(self):
        self.db.execute("drop table if exists words")
        self.db.execute("create virtual table words using fts5(text, content=messages)")
        self.db.execute("insert into words (words) values ('rebuild')")

    def search(self, word):
        newest = "select rowid, text from words where words match ? order by rowid desc limit ?"
        return self.db.execute(newest, (f'"{word}"', LIMIT)).fetchall()

    def close(self):
        self.db.close()


class Hermes:
    """As in the daemon: the journal is written, the index follows it in a thread."""

    def __init__(self, folder):
        self.events = importlib.import_module("agent.events")
        self.runner = asyncio.Runner()
        self.runner.run(self._open(folder))

    async def _open(self, folder):
        home = importlib.import_module("hermes_home.paths").Home(folder)
        self.database = importlib.import_module("memory.database").Database(home)
        self.journal = importlib.import_module("memory.journal").Journal(self.database)
        self.index = importlib.import_module("memory.index").Index(home)
        self.index.follow(self.journal)

    def fill(self, messages, at_once):
        self.runner.run(self._fill(messages, at_once))

    async def _fill(self, messages, at_once):
        for batch in batches(messages, at_once):
            await asyncio.gather(*map(self._append, batch))

    async def _append(self, message):
        session, role, text = message
        said = self.events.UserSpoke(input="", text=text)
        event = said if role == "user" else self.events.ModelReplied(text=text)
        await self.journal.append(event, session=session)

    def finish(self):
        self.runner.run(self.index.catch_up())

    def search(self, word):
        return self.runner.run(self.index.search(word, LIMIT)).hits

    def close(self):
        self.runner.run(self.index.close())
        self.runner.close()
        self.database.close()


class HermesAgent:
    """It commits each message for itself, however many there are."""

    def __init__(self, folder):
        self.db = importlib.import_module("hermes_state").SessionDB(folder / "state.db")
        self.open = ""

    def fill(self, messages, at_once):
        for session, role, text in messages:
            if session != self.open:
                self.db.create_session(session, "cli", model="bench-model")
                self.open = session
            self.db.append_message(session, role, text)

    def finish(self):
        pass

    def search(self, word):
        return self.db.search_messages(word, limit=LIMIT)

    def close(self):
        self.db.close()


class Nanobot:
    """Its loop rewrites a session's file after each turn, that is after each answer."""

    def __init__(self, folder):
        self.sessions = importlib.import_module("nanobot.session.manager").SessionManager(folder)
        access = importlib.import_module("nanobot.webui.session_access")
        self.access = access.WebuiSessionAccess(self.sessions)

    def fill(self, messages, at_once):
        for session, role, text in messages:
            opened = self.sessions.get_or_create(f"websocket:{session}")
            opened.add_message(role, text)
            if role == "assistant":
                self.sessions.save(opened)

    def finish(self):
        pass

    def search(self, word):
        return self.access.search(word, LIMIT)

    def close(self):
        pass


STORES: dict[str, Any] = {
    "floor": Bare,
    "hermes": Hermes,
    "hermes-agent": HermesAgent,
    "nanobot": Nanobot,
}


def batches(messages, size):
    return (messages[at : at + size] for at in range(0, len(messages), size))


def seconds(work, *arguments):
    begun = time.perf_counter()
    work(*arguments)
    return time.perf_counter() - begun


def milliseconds(store, word):
    begun = time.perf_counter()
    found = store.search(word)
    took = (time.perf_counter() - begun) * 1000
    if not found:
        raise SystemExit(f"{word!r} was not found")
    return took


def main(agent, folder, corpus):
    folder.mkdir()
    queries, *messages = map(json.loads, corpus.read_text().splitlines())
    last = len(messages) // 50
    report: dict[str, Any] = {"text": sum(len(text.encode()) for _, _, text in messages)}
    with contextlib.closing(STORES[agent](folder)) as store:
        many = seconds(store.fill, messages[:-last], AT_ONCE) + seconds(store.finish)
        single = seconds(store.fill, messages[-last:], 1)
        report["at_once"] = (len(messages) - last) / many
        report["single"] = last / single
        store.finish()
        for kind, words in queries.items():
            report[kind] = [milliseconds(store, word) for word in words]
    print(json.dumps(report))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))

"""Every command, once: what it is called, takes, does, and which function does it.

Help, completion and parsing all read this table. It imports next to nothing, because every start
pays.
"""

from __future__ import annotations

from gateway.cli.command import CHAT, COMMON, JSON, LIMIT, YES, Command, Option

NOTES = Option("to", "which notes", "NOTES", choices=("memory", "user"))
HERE = Option("here", "it holds in this folder and below it only")

FORMATS = ("jsonl", "md", "sharegpt", "messages", "llamafactory")
ROWS = ("sharegpt", "llamafactory", "messages", "jsonl")
MODEL = tuple(one for one in COMMON if one.name in ("model", "provider", "base-url", "offline"))
SOURCES = (
    *("terminal", "oneshot", "api", "cron", "trial", "batch", "research"),
    *("telegram", "matrix", "email", "webhook", "loopback"),
)

CRON = (
    Option("skill", "load these skills with it", "A,B"),
    Option("deliver", "where the result goes: telegram, inbox, ...", "TARGET"),
    Option("tz", "the time zone; else the setting `timezone`", "ZONE"),
    Option("script", "a command run first, or instead of a prompt", "COMMAND"),
    Option("model", "the model's id", "M", "m"),
    Option("provider", "which adapter speaks to it: offline or openai_chat", "P"),
    Option("cwd", "the workspace; else this folder", "DIR"),
    Option("misfire", "what of due times slept through", "HOW", choices=("once", "skip", "all")),
)

BATCH = (
    Option("input", "a file with one JSON object a line: prompt, id, workspace", "FILE"),
    Option("checkpoint", "the folder that keeps progress and results", "DIR"),
    Option("resume", "go on where it stopped; what failed is tried again"),
    Option("workers", "prompts at a time; else 4", "N", "w"),
    Option("engine", "where the workers are", "E", choices=("local", "ray")),
    Option("shard", "only part i of n, which the ids decide", "i/n"),
    Option("seed", "decides the order, and goes with each request", "S"),
    Option("retries", "further attempts of what fails; else 1", "K"),
    Option("timeout", "of an attempt; else 3600", "SECONDS"),
    Option("compress", "shorten trajectories to about so many", "TOKENS"),
    Option("learn", "as sessions of the home itself, which learns from them"),
    Option("cwd", "each workspace is a copy of it; else it is empty", "DIR"),
)

PRIVATE = Option("allow-private", "its source may be on this machine or in a private network")
EDITS = ("refuse", "keep", "replace")
TAP_ACTIONS = ("add", "list", "remove")

GROUPS: tuple[tuple[str, tuple[Command, ...]], ...] = (
    (
        "Talk",
        (
            Command("chat", "cli.chat:main", "talk; what `hermes` alone does", "", CHAT + COMMON),
            Command(
                "demo",
                "cli.demo:main",
                "watch it learn from real files, offline",
                "",
                (
                    Option("seed", "which files; else others each time", "N"),
                    Option("kind", "which task", "KIND", choices=("exports", "logs")),
                    Option("keep", "leave its home and workspaces too"),
                ),
            ),
        ),
    ),
    (
        "Sessions",
        (
            Command(
                "sessions list",
                "cli.sessions:show_list",
                "newest first",
                "",
                (
                    LIMIT,
                    Option("source", "only from here", "S", choices=SOURCES),
                    Option("all", "those of trials too"),
                    JSON,
                ),
            ),
            Command("sessions show", "cli.sessions:show", "what was said", "SESSION", (JSON,)),
            Command(
                "sessions search",
                "cli.sessions:search",
                "find words in everything said",
                "WORDS...",
                (LIMIT, Option("session", "only in this one", "SESSION"), JSON),
            ),
            Command("sessions resume", "cli.chat:resume", "talk on", "SESSION", COMMON),
            Command("sessions rename", "cli.sessions:rename", "give a title", "SESSION TITLE..."),
            Command(
                "sessions export",
                "cli.sessions:export",
                "write a session out",
                "SESSION",
                (
                    Option("format", "the form", "F", choices=FORMATS),
                    Option("output", "a file; else stdout", "FILE", "o"),
                ),
            ),
            Command(
                "sessions delete", "cli.sessions:delete", "blank and remove", "SESSION", (YES,)
            ),
        ),
    ),
    (
        "What it learned",
        (
            Command(
                "learning list",
                "cli.learning:show_list",
                "what the agent changed, newest first",
                "",
                (Option("all", "the owner's changes too"), JSON),
            ),
            Command("learning show", "cli.learning:show", "one change, its diff", "ID", (JSON,)),
            Command("learning undo", "cli.learning:undo", "take a change back", "ID", (JSON,)),
            Command("learning redo", "cli.learning:redo", "make it again", "ID", (JSON,)),
            Command("learning approve", "cli.learning:approve", "accept it", "ID", (JSON,)),
            Command("learning reject", "cli.learning:reject", "refuse it", "ID", (JSON,)),
            Command(
                "learning forget",
                "cli.learning:forget",
                "hide what it wrote, everywhere",
                "ID",
                (Option("purge", "overwrite it, on disk and in the history"), YES, JSON),
            ),
            Command("learning lock", "cli.curator:lock", "no edit, by anyone", "NAME|ID", (JSON,)),
            Command("learning unlock", "cli.curator:unlock", "edits may go on", "NAME|ID", (JSON,)),
            Command(
                "learning stats",
                "cli.progress:stats",
                "tool calls and success over time, and the bill",
                "",
                (Option("png", "draw it into this file", "FILE"), JSON),
            ),
            Command("skills list", "cli.skills:show_list", "every skill", "", (JSON,)),
            Command(
                "skills view", "cli.skills:view", "a skill or its resource", "NAME [PATH]", (JSON,)
            ),
            Command(
                "skills search",
                "cli.skills:search",
                "find a skill",
                "WORDS...",
                (LIMIT, Option("shared", "in your taps, not here"), PRIVATE, JSON),
            ),
            Command(
                "skills evidence", "cli.progress:evidence", "what it is worth", "NAME", (JSON,)
            ),
            Command(
                "skills diff",
                "cli.skills:diff",
                "your copy of a bundled one, or an installed one and its source",
                "NAME",
                (PRIVATE, JSON),
            ),
            Command("skills reset", "cli.skills:reset", "the bundled text again", "NAME", (JSON,)),
            Command("skills keep", "cli.skills:keep", "your copy as it is", "NAME", (JSON,)),
            Command(
                "skills trial",
                "cli.trial:main",
                "replay past cases with it and without",
                "NAME",
                (
                    Option("cases", "how many, at most 20; else 3", "CASES", "n"),
                    Option("budget", "tokens it may use; else by learning.budget", "TOKENS"),
                    YES,
                    JSON,
                ),
            ),
            Command(
                "skills validate", "cli.skills:validate", "check a SKILL.md", "PATH...", (JSON,)
            ),
            Command("curator status", "cli.curator:status", "upkeep of the library", "", (JSON,)),
            Command("curator run", "cli.curator:run", "look it through now", "", (JSON,)),
            Command("curator pause", "cli.curator:pause", "not weekly any more", "", (JSON,)),
            Command("curator resume", "cli.curator:resume", "weekly again", "", (JSON,)),
            Command("curator pin", "cli.curator:pin", "never archive a skill", "NAME", (JSON,)),
            Command("curator unpin", "cli.curator:unpin", "take that back", "NAME", (JSON,)),
            Command("curator archive", "cli.curator:archive", "put a skill away", "NAME", (JSON,)),
            Command("curator restore", "cli.curator:restore", "into use again", "NAME", (JSON,)),
            Command("memory show", "cli.memory:show", "the notes", "", (JSON,)),
            Command(
                "memory add",
                "cli.memory:add",
                "note something",
                "TEXT...",
                (NOTES, HERE, JSON),
            ),
            Command(
                "memory replace",
                "cli.memory:replace",
                "put NEW for the entry that holds OLD",
                "OLD NEW",
                (NOTES, HERE, JSON),
            ),
            Command(
                "memory remove",
                "cli.memory:remove",
                "remove the entry that holds OLD",
                "OLD",
                (NOTES, JSON),
            ),
            Command("memory history", "cli.memory:history", "how the notes changed", "", (JSON,)),
        ),
    ),
    (
        "Research",
        (
            Command("research tasks", "cli.research:show_tasks", "what can be run", "", (JSON,)),
            Command(
                "research run",
                "cli.research_run:main",
                "work on a task's instances; each is verified",
                "",
                (
                    Option("task", "which; hermes research tasks lists them", "TASK"),
                    Option("output", "a folder for the trajectories", "DIR", "o"),
                    Option("instances", "how many; else 1", "N", "n"),
                    Option("seed", "other instances, the same each time", "SEED"),
                    Option("inspect", "work, show what would be written, and write nothing"),
                    Option("learn", "in this home itself, which learns from it"),
                    *MODEL,
                    Option("max-turns", "model replies before a run stops", "N"),
                    Option("no-learning", "no self-evaluation, nothing is written"),
                    JSON,
                ),
            ),
            Command(
                "research score",
                "cli.research:score",
                "rewards of a run or a batch",
                "[DIR]",
                (Option("input", "its folder; the same as DIR", "DIR", "i"), JSON),
            ),
            Command(
                "research export",
                "cli.research:export",
                "a run or a batch as one file for training",
                "",
                (
                    Option("format", "the form", "F", choices=ROWS),
                    Option("input", "a folder of session_*.json", "DIR", "i"),
                    Option("output", "a folder for the file", "DIR", "o"),
                    JSON,
                ),
            ),
            Command(
                "batch",
                "cli.batch:main",
                "work through a file of prompts",
                "--input FILE --checkpoint DIR",
                (*BATCH, *(one for one in COMMON if one.name != "cwd"), JSON),
            ),
        ),
    ),
    (
        "Skills of others",
        (
            Command(
                "skills browse",
                "cli.sharing:browse",
                "what a source has; else your taps and what ships",
                "[SOURCE]",
                (PRIVATE, JSON),
            ),
            Command(
                "skills inspect",
                "cli.sharing:inspect",
                "fetch a skill and look at it; nothing is installed",
                "SOURCE [NAME...]",
                (Option("all", "every skill of it"), PRIVATE, JSON),
            ),
            Command(
                "skills install",
                "cli.sharing:install",
                "a folder, archive, URL, owner/repo/path@ref, official/NAME",
                "SOURCE [NAME...]",
                (Option("all", "every skill of it"), PRIVATE, YES, JSON),
            ),
            Command(
                "skills uninstall", "cli.sharing:uninstall", "take it out", "NAME", (YES, JSON)
            ),
            Command(
                "skills check",
                "cli.sharing:check",
                "is there anything newer at their sources",
                "[NAME...]",
                (PRIVATE, JSON),
            ),
            Command(
                "skills update",
                "cli.sharing:update",
                "show what is newer, and take it",
                "[NAME...]",
                (
                    Option("edits", "files you have changed", "HOW", choices=EDITS),
                    PRIVATE,
                    YES,
                    JSON,
                ),
            ),
            Command(
                "skills audit",
                "cli.sharing:audit",
                "the disk against what was installed",
                "[NAME...]",
                (JSON,),
            ),
            Command(
                "skills tap",
                "cli.sharing:tap",
                "sources you come back to: add, list, remove",
                "[add|list|remove] [SOURCE]",
                (JSON,),
            ),
            Command(
                "skills publish",
                "cli.publishing:publish",
                "for a web server, or to a repository",
                "NAME --to PLACE",
                (
                    Option("to", "where", "PLACE", choices=("github", "wellknown")),
                    Option("output", "wellknown: the server's top folder", "DIR", "o"),
                    Option("repo", "github: OWNER/REPO, a git address or path", "REPO"),
                    Option("branch", "github: else the one it shows first", "NAME"),
                    PRIVATE,
                    YES,
                    JSON,
                ),
            ),
            Command(
                "skills snapshot", "cli.publishing:snapshot", "all in one file", "FILE", (JSON,)
            ),
        ),
    ),
    (
        "Recurring work",
        (
            Command(
                "cron create",
                "cli.cron:create",
                "run a prompt or a script at times",
                "SCHEDULE [PROMPT...]",
                (Option("name", "what the job is called", "NAME"), *CRON, JSON),
            ),
            Command("cron list", "cli.cron:show_list", "every job, when it is due", "", (JSON,)),
            Command("cron show", "cli.cron:show", "one job, its next due times", "NAME", (JSON,)),
            Command(
                "cron edit",
                "cli.cron:edit",
                "change it: by flags, else in $EDITOR",
                "NAME",
                (
                    Option("schedule", "when", "SCHEDULE"),
                    Option("prompt", "what is asked", "TEXT"),
                    *CRON,
                    JSON,
                ),
            ),
            Command("cron pause", "cli.cron:pause", "not due until resumed", "NAME", (JSON,)),
            Command("cron resume", "cli.cron:resume", "due again from now on", "NAME", (JSON,)),
            Command(
                "cron run",
                "cli.cron:run",
                "now; returns when it is over",
                "NAME",
                (Option("no-wait", "return when it has begun"), JSON),
            ),
            Command("cron remove", "cli.cron:remove", "delete the job", "NAME", (JSON,)),
            Command(
                "cron history",
                "cli.cron:history",
                "what became of each due time",
                "NAME",
                (LIMIT, JSON),
            ),
        ),
    ),
    (
        "Settings",
        (
            Command(
                "setup",
                "cli.setup:main",
                "find or name a model",
                "",
                (
                    Option("base-url", "the endpoint, with /v1", "U"),
                    Option("model", "the model's id", "M", "m"),
                    Option("key-env", "the variable that holds the key", "NAME"),
                    Option("key", "read the key from standard input", "-"),
                    Option("offline", "the built-in model; no network"),
                ),
            ),
            Command(
                "model",
                "cli.model:main",
                "show or change the model",
                "[MODEL]",
                (
                    Option("provider", "which adapter speaks to it: offline or openai_chat", "P"),
                    Option("base-url", "the endpoint, with /v1", "U"),
                    Option("list", "the models the endpoint has"),
                    JSON,
                ),
            ),
            Command("config get", "cli.config:get", "a value, or all", "[KEY]", (JSON,)),
            Command("config set", "cli.config:set_value", "change a value", "KEY VALUE", (JSON,)),
            Command(
                "config explain", "cli.config:explain", "value, source, meaning", "[KEY]", (JSON,)
            ),
        ),
    ),
    (
        "The daemon",
        (
            Command("daemon run", "cli.daemon:run", "in the foreground"),
            Command("daemon start", "cli.daemon:start", "returns when it answers", "", (JSON,)),
            Command("daemon stop", "cli.daemon:stop", "park the work and leave", "", (JSON,)),
            Command("daemon restart", "cli.daemon:restart", "stop and start", "", (JSON,)),
            Command("daemon status", "cli.daemon:status", "is it running", "", (JSON,)),
            Command(
                "daemon install",
                "cli.service:install",
                "run it as a service from now on",
                "",
                (Option("dry-run", "only print the service's file"), JSON),
            ),
            Command(
                "daemon setup",
                "cli.channels:main",
                "the messengers it listens to; set one up",
                "[CHANNEL] [KEY=VALUE...]",
                (
                    Option("token-env", "the variable that holds the token or password", "NAME"),
                    Option("token", "read the token or password from standard input", "-"),
                    JSON,
                ),
            ),
            Command("daemon uninstall", "cli.service:uninstall", "remove the service", "", (JSON,)),
            Command("status", "cli.status:main", "what it is doing, what it used", "", (JSON,)),
            Command(
                "api token",
                "cli.api:token",
                "who may call over TCP: is there a token",
                "",
                (Option("new", "make another and show it once; the old one is refused"), JSON),
            ),
            Command("doctor", "cli.doctor:main", "check everything, say the fix", "", (JSON,)),
            Command(
                "logs",
                "cli.logs:main",
                "the daemon's log",
                "",
                (
                    Option("follow", "go on as it grows", short="f"),
                    Option("lines", "how many lines", "N", "n"),
                ),
            ),
        ),
    ),
    (
        "Profiles and moving",
        (
            Command("profile list", "cli.profile:show_list", "every profile", "", (JSON,)),
            Command(
                "profile create",
                "cli.profile:create",
                "a home of its own",
                "NAME",
                (Option("from", "begin with its settings, skills and notes", "PROFILE"), JSON),
            ),
            Command(
                "profile use",
                "cli.profile:use",
                "the one meant when none is named",
                "NAME",
                (JSON,),
            ),
            Command(
                "profile delete", "cli.profile:delete", "with all it holds", "NAME", (YES, JSON)
            ),
            Command(
                "profile export",
                "cli.profile:export",
                "write one to a file",
                "NAME FILE",
                (Option("secrets", "with the keys of .env"), JSON),
            ),
            Command(
                "profile import",
                "cli.profile:bring",
                "a new one from such a file",
                "FILE [NAME]",
                (JSON,),
            ),
            Command(
                "backup",
                "cli.backup:main",
                "the whole home as one file",
                "[FILE]",
                (Option("secrets", "with the keys of .env"), JSON),
            ),
            Command(
                "import",
                "cli.importing:main",
                "from a backup, or another program's home",
                "PATH...",
                (
                    Option("secrets", "keys of another program's home too"),
                    Option("dry-run", "only say what another program's home holds"),
                    JSON,
                ),
            ),
        ),
    ),
    (
        "People",
        (
            Command(
                "pairing new",
                "cli.pairing:new",
                "a one-time code that lets a person in",
                "PLATFORM",
                (
                    Option("role", "what he may", "ROLE", choices=("guest", "owner")),
                    Option("days", "for how long; else until revoked", "N"),
                    JSON,
                ),
            ),
            Command("pairing list", "cli.pairing:show_list", "who was let in", "", (JSON,)),
            Command("pairing revoke", "cli.pairing:revoke", "end that", "ID", (JSON,)),
        ),
    ),
    (
        "This program",
        (
            Command("completion", "cli.completion:main", "for bash, zsh or fish", "SHELL"),
            Command("help", "cli.help:main", "what a command does", "[COMMAND...]"),
            Command("version", "cli.help:version", "which version this is", "", (JSON,)),
        ),
    ),
)

COMMANDS = {command.name: command for _, group in GROUPS for command in group}
ALIASES = {"gateway": "daemon"}
DEFAULTS = {
    "sessions": "list",
    "learning": "list",
    "skills": "list",
    "curator": "status",
    "memory": "show",
    "cron": "list",
    "config": "get",
    "daemon": "status",
    "profile": "list",
    "pairing": "list",
    "api": "token",
    "research": "tasks",
}
"""A command group alone means this member of it."""

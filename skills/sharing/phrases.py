"""The words and shapes a careful reader of somebody else's skill stops at. Each is advice: good
skills hold some of them, and a bad one may hold none."""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

Level = Literal["info", "caution", "danger"]
LEVELS: tuple[Level, ...] = ("info", "caution", "danger")

_SHELL = r"(?:sudo\s+)?(?:/bin/|/usr/bin/)?(?:env\s+)?(?:ba|z|da|fi|k)?sh\b"
_RUNNERS = rf"(?:{_SHELL}|python3?\b|node\b|perl\b|ruby\b|iex\b|invoke-expression\b)"
_FETCH = r"\b(?:curl|wget|iwr|irm|invoke-webrequest|invoke-restmethod)\b"


_FETCHERS = "curl|wget|iwr|irm|invoke-"


class Phrase(NamedTuple):
    """What is looked for in a line, how much it matters, and what it may mean. words: in lower
    case, parted by |, one of which is in whatever matches: most texts hold none of them."""

    words: str
    rule: str
    level: Level
    pattern: str
    meaning: str


PHRASES = (
    Phrase(
        _FETCHERS,
        "pipe-to-shell",
        "danger",
        rf"{_FETCH}[^\n]{{0,300}}\|\s*{_RUNNERS}",
        "runs what a server sends",
    ),
    Phrase(
        _FETCHERS,
        "pipe-to-shell",
        "danger",
        rf"(?:{_RUNNERS}|eval)[^\n|]{{0,40}}[<$]\(\s*{_FETCH}",
        "runs what a server sends",
    ),
    Phrase(
        "exec(",
        "pipe-to-shell",
        "danger",
        r"\bexec\(\s*(?:requests|urllib|httpx)[^\n]{0,80}",
        "runs what a server sends",
    ),
    Phrase(
        "base64|exec(|eval(|powershell",
        "encoded-command",
        "danger",
        rf"base64\s+(?:-d|-D|--decode)[^\n]{{0,160}}\|\s*{_RUNNERS}"
        r"|\b(?:exec|eval)\(\s*(?:base64|atob|bytes\.fromhex|codecs)"
        r"|powershell(?:\.exe)?\s[^\n]{0,80}-e(?:nc|ncodedcommand)?\s",
        "runs a command that cannot be read",
    ),
    Phrase(
        "terminal|prompt|powershell|shell",
        "paste-in-terminal",
        "danger",
        r"\b(?:paste|copy)\b[^\n]{0,60}\b(?:terminal|command prompt|powershell|shell)\b",
        "asks for a command to be pasted into a terminal",
    ),
    Phrase(
        "unzip|7z|unrar|pass",
        "locked-archive",
        "danger",
        r"\b(?:unzip|7z[az]?|unrar)\b[^\n]{0,80}\s-[pP]\S+"
        r"|\b(?:archive|zip|extract\w*)\b[^\n]{0,60}\bpass(?:word|phrase)\b\s*[:=]?\s*\S+"
        r"|\bpass(?:word|phrase)\b[^\n]{0,40}\b(?:archive|zip)\b",
        "an archive nobody can look into before it is opened",
    ),
    Phrase(
        "pastebin|rentry|glot.io|hastebin|paste.ee|transfer.sh|file.io|webhook.site|requestbin|pipedream|ngrok|oast|interact.sh|burpcollaborator",
        "paste-host",
        "danger",
        r"\b(?:pastebin\.com|rentry\.(?:co|org)|glot\.io|hastebin\.com|paste\.ee|transfer\.sh"
        r"|file\.io|webhook\.site|requestbin\.\w+|pipedream\.net|ngrok\.(?:io|app)|oast\.\w+"
        r"|interact\.sh|burpcollaborator\.net)\b",
        "a host that anybody may put anything on, or that only listens",
    ),
    Phrase(
        "instruction|rules|prompt|orders|guidelines|safety|im_start|system|inst]|you are now"
        "|anweisungen|regeln|consignes|instrucciones",
        "override",
        "danger",
        r"\b(?:ignore|disregard|forget|override|bypass)\b[^\n]{0,40}\b(?:previous|prior|earlier"
        r"|above|all|any|system|other)\b[^\n]{0,30}\b(?:instructions?|rules?|prompts?|orders"
        r"|guidelines|safety)\b"
        r"|<\|?(?:im_start|system)\|?>|\[/?INST\]|\byou are now\b[^\n]{0,40}\b(?:mode|unrestricted"
        r"|DAN|jailbroken)\b"
        r"|\b(?:ignoriere?|vergiss|ignore[zr]|oubliez|ignora|olvida)\b[^\n]{0,60}"
        r"\b(?:anweisungen|regeln|instructions|consignes|instrucciones)\b",
        "tells the agent to leave its instructions",
    ),
    Phrase(
        "the user|the owner| them|anyone|the human|hide ",
        "secrecy",
        "danger",
        r"\b(?:do not|don't|never|without)\b[^\n]{0,20}\b(?:tell(?:ing)?|mention(?:ing)?"
        r"|inform(?:ing)?|ask(?:ing)?|show(?:ing)?|reveal(?:ing)?|notify(?:ing)?|alert(?:ing)?)\b"
        r"[^\n]{0,12}\b(?:the user|the owner|them|anyone|the human)\b"
        r"|\bhide (?:this|it) from\b",
        "asks for something to be kept from you",
    ),
    Phrase(
        ".ssh|id_rsa|id_ed25519|.aws|.netrc|/etc/shadow|gcloud|.kube|.gnupg|keychain|wallet"
        "|metamask|seed phrase|private key",
        "credential-files",
        "danger",
        r"\.ssh/(?:id_|authorized_keys)|\bid_(?:rsa|ed25519)\b|\.aws/credentials|\.netrc\b"
        r"|/etc/shadow|\.config/gcloud|\.kube/config|\.gnupg\b|login\.keychain|wallet\.dat"
        r"|\b(?:metamask|seed phrase|private keys?)\b",
        "names files that hold keys",
    ),
    Phrase(
        ".env|printenv|os.environ",
        "environment-file",
        "caution",
        r"(?<![\w./-])\.env\b|\bprintenv\b|\bos\.environ\b(?!\.get)",
        "reads the environment, where keys lie",
    ),
    Phrase(
        "curl|wget|iwr|irm|invoke-|](",
        "sends-data",
        "danger",
        rf"{_FETCH}[^\n]{{0,200}}\s(?:-d|-F|-T|--data\S*|--form|--upload-file|-Body)\s*\S*[@$`]"
        r"|!\[[^\]\n]{0,80}\]\(https?://[^)\s]{0,200}[?&=][^)\s]{0,80}[{$<]",
        "sends data of yours to a server",
    ),
    Phrase(
        "memory.md|user.md|soul.md|claude.md|agents.md|.hermes/|.claude/|.cursor/|.openclaw/|skill_manage",
        "agent-files",
        "caution",
        r"\b(?:MEMORY|USER|SOUL|CLAUDE|AGENTS)\.md\b|\.hermes/|\.claude/|\.cursor/|\.openclaw/"
        r"|\bskill_manage\b",
        "names the files that steer an agent",
    ),
    Phrase(
        "cron|launch|systemctl|>>|schtasks",
        "persistence",
        "danger",
        r"\bcrontab\s+-|/etc/cron|LaunchAgents|LaunchDaemons|\bsystemctl\b[^\n]{0,40}\benable\b"
        r"|>>\s*~?/?\S*\.(?:bashrc|zshrc|profile|bash_profile)\b|\bschtasks\b",
        "makes itself run again later",
    ),
    Phrase(
        "rm |mkfs|dd |{",
        "destructive",
        "danger",
        r"\brm\s+-[a-zA-Z]*[rRf][a-zA-Z]*\s+(?:--\S+\s+)*[\"']?(?:/|~/?|\$HOME/?)[\"']?(?:\*|\s|$)"
        r"|\bmkfs(?:\.\w+)?\s|\bdd\s+if=[^\n]{0,80}of=/dev/|:\(\)\s*\{\s*:\|:",
        "destroys files or disks",
    ),
    Phrase(
        "--|.mode|chmod|xattr|spctl|setenforce",
        "guard-off",
        "danger",
        r"--dangerously-skip-permissions|--yolo\b|\bsandbox\.mode\b|\bapprovals\.mode\b"
        r"|--no-sandbox\b|\bchmod\s+(?:-R\s+)?0?777\b|\bxattr\s+-[a-z]*[cd][a-z]*\b"
        r"|\bspctl\b[^\n]{0,20}disable|\bsetenforce\s+0",
        "takes a guard away",
    ),
    Phrase(
        "://",
        "fetches-instructions",
        "caution",
        r"\b(?:fetch|download|get|read|load|follow|open|visit)\b[^\n]{0,60}\b(?:instructions?|steps"
        r"|prompts?|skill)\b[^\n]{0,60}https?://",
        "its real instructions lie elsewhere, and may change",
    ),
    Phrase(
        "://",
        "release-binary",
        "caution",
        r"https?://[^\s)\"']{1,200}(?:/releases/download/|\.(?:exe|dmg|pkg|msi|deb|rpm|apk|AppImage"
        r"|run)\b)",
        "a program to be downloaded",
    ),
    Phrase(
        "sudo|doas|runas",
        "privileges",
        "caution",
        r"(?<![\w-])(?:sudo|doas)\s+\S|\brunas\s+/user",
        "asks for more rights than yours",
    ),
    Phrase(
        "install| add| get| i |npx|uvx|bunx",
        "installs",
        "info",
        r"\b(?:pip3?|uv pip|pipx|npm|pnpm|yarn|bun|gem|cargo|go|brew|apt(?:-get)?|dnf|pacman)\s+"
        r"(?:-\S+\s+)*(?:install|add|get|i)\s|\b(?:npx|uvx|bunx)\s+\S",
        "installs software when it is used",
    ),
    Phrase(
        "curl|wget|iwr|irm|invoke-|requests.|urllib.|fetch(",
        "network",
        "info",
        rf"{_FETCH}\s|\brequests\.(?:get|post)\(|\burllib\.request\b|\bfetch\(",
        "reaches the network when it is used",
    ),
)

MATCHERS = tuple(
    (phrase, tuple(phrase.words.split("|")), re.compile(phrase.pattern, re.IGNORECASE))
    for phrase in PHRASES
)

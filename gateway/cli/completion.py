"""`hermes completion SHELL`: a script for the shell to source, written from the table."""

from __future__ import annotations

from gateway.cli.arguments import Arguments
from gateway.cli.command import PROFILE, ROOT, Option
from gateway.cli.table import ALIASES, COMMANDS, TAP_ACTIONS
from hermes_home.errors import UsageError


def main(arguments: Arguments) -> int:
    shell = arguments.word(0)
    if shell not in SHELLS:
        raise UsageError(f"no completion for {shell!r}", "there is bash, zsh and fish")
    print(SHELLS[shell](choices()), end="")
    return 0


def choices() -> dict[str, list[str]]:
    """What may follow, by the words before it ("" = the command line's start)."""
    found: dict[str, list[str]] = {"": _flags(ROOT)}
    for command in COMMANDS.values():
        group, _, member = command.name.partition(" ")
        _add(found[""], group)
        if member:
            _add(found.setdefault(group, []), member)
        found[command.name] = _flags((*command.options, PROFILE))
    found["completion"] += SHELLS
    found["skills tap"] += TAP_ACTIONS
    for alias, group in ALIASES.items():
        found[""].append(alias)
        found |= {
            key.replace(group, alias, 1): found[key]
            for key in list(found)
            if key == group or key.startswith(f"{group} ")
        }
    return found


def _add(names: list[str], name: str) -> None:
    if name not in names:
        names.append(name)


def _flags(options: tuple[Option, ...]) -> list[str]:
    long = [f"--{option.name}" for option in options]
    return long + [f"-{option.short}" for option in options if option.short]


def _cases(found: dict[str, list[str]]) -> str:
    return "\n".join(f'    "{key}") words="{" ".join(words)}" ;;' for key, words in found.items())


BASH = """\
# hermes completion for bash; source it, or put it into a completion folder
_hermes() {{
  local current="${{COMP_WORDS[COMP_CWORD]}}" key="" words="" word
  for word in "${{COMP_WORDS[@]:1:COMP_CWORD-1}}"; do
    case "$word" in -*) ;; *) key="${{key:+$key }}$word" ;; esac
  done
  while :; do
    case "$key" in
{cases}
    *) case "$key" in *" "*) key="${{key% *}}"; continue ;; esac ;;
    esac
    break
  done
  COMPREPLY=()
  while IFS= read -r word; do COMPREPLY+=("$word"); done < <(compgen -W "$words" -- "$current")
  [ ${{#COMPREPLY[@]}} -gt 0 ] || while IFS= read -r word; do
    COMPREPLY+=("$word")
  done < <(compgen -f -- "$current")
}}
complete -o filenames -F _hermes hermes
"""
ZSH = """\
#compdef hermes
# hermes completion for zsh; source it after compinit, or put it into $fpath as _hermes
_hermes() {{
  local key="" words_found="" word
  for word in "${{(@)words[2,CURRENT-1]}}"; do
    case "$word" in -*) ;; *) key="${{key:+$key }}$word" ;; esac
  done
  while :; do
    case "$key" in
{cases}
    *) case "$key" in *" "*) key="${{key% *}}"; continue ;; esac ;;
    esac
    break
  done
  compadd -- ${{=words_found}} || _files
}}
compdef _hermes hermes
"""


def bash(found: dict[str, list[str]]) -> str:
    return BASH.format(cases=_cases(found))


def zsh(found: dict[str, list[str]]) -> str:
    return ZSH.format(cases=_cases(found).replace("words=", "words_found="))


def fish(found: dict[str, list[str]]) -> str:
    """One line for each command and flag, shown where it fits."""
    lines = ["# hermes completion for fish", "complete -c hermes -f"]
    groups = sorted({name.split()[0] for name in COMMANDS} | set(ALIASES))
    lines.append(_fish("__fish_use_subcommand", found[""]))
    for key, words in found.items():
        group, _, member = key.partition(" ")
        if not group:
            continue
        condition = f"__fish_seen_subcommand_from {group}"
        if member:
            condition += f"; and __fish_seen_subcommand_from {member}"
        elif group in groups and words and not words[0].startswith("-"):
            condition += f"; and not __fish_seen_subcommand_from {' '.join(words)}"
        lines.append(_fish(condition, words))
    return "\n".join(lines) + "\n"


def _fish(condition: str, words: list[str]) -> str:
    return f"complete -c hermes -n '{condition}' -a '{' '.join(words)}'"


SHELLS = {"bash": bash, "zsh": zsh, "fish": fish}

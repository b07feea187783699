"""What rides with a person's words into a session: skills asked for before them; behind them the
date and, with the first words, workspace, notes and the skills that match."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from agent.context import Framed
from agent.conversation import Conversation
from agent.events import SkillRef
from agent.inputs import Said
from agent.prompt import TailParts, tail
from gateway.chats.principals import OWNER
from gateway.learning.noted import candidates
from skills.catalog import Catalog
from skills.library import Library

if TYPE_CHECKING:
    from gateway.app import App


async def framed(app: App, conversation: Conversation, said: Said) -> Framed:
    """The frame of these words. Guests see no notes and are not told what was learned."""
    owned, offer = said.principal == OWNER, Offer()
    now = datetime.now(app.zone).astimezone(app.zone)
    learned = tuple(conversation.announcements) if owned else ()
    if not conversation.said:
        offer = _offer(app, conversation.session, said)
    elif owned:
        offer = _later(app, conversation, said)
    parts = TailParts(now, app.zone_name, learned=learned, catalog=offer.catalog.text)
    if not conversation.said and owned:
        cwd = said.options.cwd or conversation.cwd
        unproven = await candidates(app)
        notes = app.notes.core("memory", said.text, unproven, cwd)
        about = app.notes.core("user", said.text, unproven, cwd)
        parts = TailParts(
            now,
            app.zone_name,
            cwd=cwd,
            notes=notes.texts,
            notes_total=notes.total,
            user_notes=about.texts,
            user_total=about.total,
            catalog=offer.catalog.text,
        )
    preface = "\n\n".join(app.library.load_block(name) for name in said.options.skills)
    return Framed(
        preface,
        tail(parts),
        offered=_refs(app.library, offer.catalog.names if offer.catalog.text else ()),
        withheld=_refs(app.library, offer.withheld),
        loaded=_refs(app.library, said.options.skills),
    )


@dataclass(frozen=True, slots=True)
class Offer:
    """What a session is offered, and the candidates that matched and are kept out of it."""

    catalog: Catalog = Catalog()
    withheld: tuple[str, ...] = ()


def _offer(app: App, session: str, said: Said) -> Offer:
    """Asked for by name, a skill is never withheld."""
    tokens, gone = app.settings.skills.catalog_tokens, app.upkeep.quarantined()
    if said.options.trial:
        return _on_trial(app, said, tokens, gone)
    held = app.upkeep.withheld_in(session) - set(said.options.skills)
    matching = app.library.catalog(said.text, tokens, gone)
    withheld = tuple(name for name in matching.names if name in held)
    catalog = app.library.catalog(said.text, tokens, gone | held) if withheld else matching
    return Offer(catalog, withheld)


def _on_trial(app: App, said: Said, tokens: int, gone: frozenset[str]) -> Offer:
    """Both sides of a trial are offered the same, but for the one skill; no candidate is
    withheld."""
    name = said.options.trial
    if said.options.without:
        return Offer(app.library.catalog(said.text, tokens, gone | {name}), (name,))
    return Offer(app.library.catalog(said.text, tokens, gone - {name}, first=name))


def _later(app: App, conversation: Conversation, said: Said) -> Offer:
    """The same when the owner's words turn to something else: what clearly matches and was not
    met before. It hangs on the journal and the library alone."""
    met = conversation.met | set(said.options.skills) | app.upkeep.quarantined()
    held = app.upkeep.withheld_in(conversation.session)
    matching = app.library.later(said.text, met)
    withheld = tuple(name for name in matching.names if name in held)
    catalog = app.library.later(said.text, met | held) if withheld else matching
    return Offer(catalog, withheld)


def _refs(library: Library, names: Iterable[str]) -> tuple[SkillRef, ...]:
    """The skills of these names, as they are now."""
    found = (library.get(name) for name in names)
    return tuple(library.ref(skill) for skill in found if skill is not None)

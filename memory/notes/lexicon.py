"""The words by which claims are compared (see memory/notes/claims.py). English; other languages are
compared word by word."""

from __future__ import annotations


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


def _pairs(text: str) -> dict[str, str]:
    return dict(pair.split(":") for pair in text.split())


ARTICLES = _words("a an the")
INDEFINITE = _words("a an another some one also too additionally sometimes both either")
"""Where one of these stands, there may be more than one value."""
IDLE = _words("please always still now currently being just that its do does should")
"""They may be left out of a claim."""
COPULAS = _words("is are am be =")
NEGATIONS = _words("not no never cannot")
CONDITIONS = _words("if when unless because while except and or but whether")
"""A sentence with one of these says several things, or says them of some cases."""
QUANTIFIERS = _words("only all every each most any")
"""With one of these what is denied depends on where it is denied."""
PREPOSITIONS = _words(
    "about after as at before between by for from in of on over per since than through to under"
    " until via with within without"
)
IRREGULAR = _pairs(
    "children:child has:have goes:go people:person uses:use using:use living:live within:in into:in"
    " onto:on require:need requires:need were:was"
)
SINGULAR = _words("news goods means series species always windows")
"""They end in s and are no plural."""
PARTICIPLES = _pairs(
    "written:write kept:keep led:lead sent:send built:build held:hold owned:own used:use based:base"
)
"""Behind a form of to be; elsewhere they tell of the past."""
NUMBERS = dict(
    zip(
        "one two three four five six seven eight nine ten eleven twelve".split(),
        map(str, range(1, 13)),
        strict=True,
    )
)
ORDINALS = _pairs("first:1st second:2nd third:3rd fourth:4th fifth:5th sixth:6th seventh:7th")
MONTHS = _words(
    "january february march april may june july august september october november december"
    " jan feb mar apr jun jul aug sep oct nov dec"
)
YEAR = tuple("jan feb mar apr may jun jul aug sep oct nov dec".split())
PROGRAMS = _words(
    "make just npm pnpm yarn npx uv pip poetry tox nox hatch git docker kubectl helm terraform"
    " cargo systemctl apt brew pytest ruff mypy black alembic flask celery gradle mvn ninja cmake"
    " bundle rake composer ansible bazel"
)
"""The word behind one of these is a name."""
ORDERS = tuple(
    "run use restart reload install delete remove ask write put keep start stop copy move check"
    " test build deploy push pull commit format sign do never always first tell wait".split()
)
"""Where the order begins, if no comma says so."""
STEPS = frozenset(ORDERS) - _words("do never always")
"""Of several sentences that begin so, one comes after the other."""
DONE_TO = _words("a an the it them")
"""Where one of these stands second, a sentence mostly begins with what is to be done."""
WITH_E = _words("paste locale morale")
"""Without their e they are another word."""
VERBS = _words("keep write lead build hold put own")
"""What `kept`, `written` and so on are compared as."""
WHERE = _words("at from in on to until")
"""With these, too, an attribute has one value at a time."""
WEEKDAYS = _words("monday tuesday wednesday thursday friday saturday sunday weekday weekend")
ROLES = _pairs("owner:own leader:lead lead:lead maintainer:maintain head:head chair:chair")
"""Who holds something, and the verb for it."""
OPPOSITES = _pairs(
    "off:on disabled:enabled closed:open false:true forbidden:allowed optional:required"
    " inactive:active unavailable:available unsupported:supported dislike:like hate:like"
    " disable:enable forbid:allow"
)
"""The first denies the second."""
ATTRIBUTES = _words(
    "address age author birthday branch budget channel code color colour command contact currency"
    " date day deadline default dialect directory distribution domain editor email encoding"
    " endpoint fee folder font format framework frequency height hostname icon interval key"
    " language length level license limit linter locale location maximum minimum mode name nickname"
    " number os password path period plan port position prefix price profession pronoun protocol"
    " provider quota rate ratio region registry remote rent repo repository retention role salary"
    " schedule schema secret shell size speed style suffix surname target theme threshold timeout"
    " timezone title tone topic type unit url username value version wage weight width word zone"
)
"""Nouns of which a thing has one at a time: the deploy branch, the user's editor."""
THINGS = _words(
    "account bank boss car cluster container customer database dentist disk doctor driver engine"
    " extension file firewall gateway gym home host husband image job keyboard landlord lead leader"
    " machine manager model organisation organization owner package partition person phone platform"
    " project proxy queue release room router runner server storage supervisor team template tenant"
    " terminal token tool user warehouse website wife"
)
"""The same of nouns that much else can be said of: the server is Ada, the server is quiet."""
STATES = _words(
    "slow fast old new red blue green black white big small large secret fixed full empty ready"
    " broken busy fine good bad great cheap expensive public private free down up late early dead"
    " alive important known unknown hot cold hard easy clean dirty stable short long here"
    " quiet loud nice ugly stale wrong right weak strong heavy similar different there gone done"
    " read shared optional required missing due online offline live local"
)
"""A thing may be so, and whatever else it is."""
STATE_ENDINGS = ("ed", "ing", "able", "ible", "ful", "less", "ous", "ive")
COUNTED = _words(
    "second minute hour day week month year euro dollar pound eur usd percent % kb mb gb tb kib mib"
    " gib km kg m cm mm g l request person node core thread worker replica member row byte"
    " character line token point degree approval"
)
"""Units: before them stands a value."""
VALUED = _words(
    "= port version at of every until than to python java node nodejs go rust ruby php debian"
    " ubuntu fedora postgres postgresql mysql sqlite redis kubernetes django react angular vue"
    " gcc clang windows macos android ios"
)
"""Behind them a number is a value; elsewhere it may tell one thing from another (job 7)."""
PLACED = {
    ("live", "in"), ("base", "in"), ("work", "at"), ("work", "for"), ("work", "as"),
    ("report", "to"), ("mount", "at"), ("deploy", "to"), ("host", "on"), ("host", "at"),
    ("host", "by"), ("write", "in"), ("write", "as"), ("build", "with"), ("run", "with"),
    ("store", "in"), ("keep", "in"), ("go", "to"), ("register", "until"), ("start", "on"),
    ("start", "at"), ("end", "on"), ("end", "at"), ("belong", "to"), ("listen", "on"),
    ("send", "at"), ("send", "to"), ("send", "from"), ("save", "to"), ("study", "at"),
    ("name", "after"),
}  # fmt: skip
"""Verbs whose place is one at a time."""
HELD = _words("own lead maintain head chair administer")
"""Verbs of which one at a time is the subject."""

"""The messy files of `clean_data`: for each kind its rules, and who draws files and answers."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from random import Random

Rows = list[list[str]]

_NAMES = "Ada Byron,Emmy Noether,Mary Cartwright,Sofia Kovalevskaya,Karen Uhlenbeck,Julia Robinson"
_ARTICLES = "bolt washer hinge plank nail screw bracket clamp rivet spring valve gasket".split()
_PLACES = "shelf A,shelf B,cellar,yard".split(",")

CONTACTS = """\
- Columns: name,email,phone,joined; one head line.
- name: no space at the ends, one space between words. email: lower case, no spaces.
- phone: digits only, after a + if the number begins with + or 00 (which the + replaces); empty if \
there is none.
- joined: as 2026-03-01. It comes as 2026-03-01, as 01.03.2026 (day first) or as 03/01/2026 \
(month first).
- Lines whose email has no @ are left out. Of several lines with the same email the one that \
joined first stays; if two joined on the same day, the one that stands first.
- Sorted by email."""


def contacts(draw: Random) -> tuple[str, Rows]:
    lines, kept = ["Name;E-Mail;Phone;Joined"], dict[str, tuple[date, list[str]]]()
    for _ in range(40):
        name = draw.choice(_NAMES.split(","))
        email = name.lower().replace(" ", ".") + f"{draw.randint(1, 3)}@example.org"
        digits = f"{draw.randint(10**8, 10**9 - 1)}"
        mark, written = draw.choice((("", digits), ("+", f"+{digits}"), ("+", f"00{digits}")))
        if draw.random() < 0.15:
            mark = digits = written = ""
        day = date(2026, 1, 1) + timedelta(days=draw.randrange(300))
        form = draw.choice(("%Y-%m-%d", "%d.%m.%Y", "%m/%d/%Y"))
        lost = draw.random() < 0.1
        shown = "unknown" if lost else draw.choice((email, email.upper(), f" {email}"))
        spaced = f" {name.replace(' ', draw.choice((' ', '  ')))} "
        grouped = draw.choice(
            (written, f"{written[:4]} {written[4:]}", f"{written[:5]}-{written[5:]}")
        )
        phone = grouped if written else ""
        lines.append(f"{spaced};{shown};{phone};{day.strftime(form)}")
        if not lost and (email not in kept or day < kept[email][0]):
            kept[email] = day, [name, email, f"{mark}{digits}", day.isoformat()]
    rows = [row for _, (_, row) in sorted(kept.items())]
    return "\n".join(lines) + "\n", [["name", "email", "phone", "joined"], *rows]


ORDERS = """\
- Columns: order,article,cents,currency; one head line.
- cents: a whole number. In the raw file amounts have a comma before the cents, and may have dots \
between thousands and a minus.
- currency: upper case; EUR where there is none.
- Lines whose state is x, cancelled or void, in whatever case, are left out; so are lines that \
begin with #, and empty ones.
- Sorted by the number of the order, which is written without leading zeros; orders with several \
lines keep their order."""


def orders(draw: Random) -> tuple[str, Rows]:
    lines = ["order | article | amount | currency | state"]
    found: list[tuple[int, list[str]]] = []
    for _ in range(60):
        number, article = draw.randint(1, 400), draw.choice(_ARTICLES)
        cents = draw.choice((-1, 1, 1, 1)) * draw.choice(
            (draw.randint(1, 99), draw.randint(100, 9_999_999))
        )
        whole, part = divmod(abs(cents), 100)
        dotted = f"{whole:,}".replace(",", draw.choice((".", "")))
        amount = f"{'-' if cents < 0 else ''}{dotted},{part:02}"
        currency = draw.choice(("EUR", "eur", "usd", "Chf", ""))
        gone = draw.random() < 0.2
        state = (
            draw.choice(("x", "X", "Cancelled", "VOID"))
            if gone
            else draw.choice(("paid", "open", ""))
        )
        lines.append(
            f"{number:0{draw.choice((1, 5))}} | {article} | {amount} | {currency} | {state}"
        )
        lines += draw.choice(([], [], [""], ["# checked by hand"]))
        if not gone:
            found.append((number, [str(number), article, str(cents), currency.upper() or "EUR"]))
    rows = [row for _, row in sorted(found, key=lambda one: one[0])]
    return "\n".join(lines) + "\n", [["order", "article", "cents", "currency"], *rows]


READINGS = """\
- Columns: at,sensor,celsius; one head line.
- at: as 2026-03-01T12:00:00Z. It comes so, or as seconds since 1970-01-01 00:00 UTC.
- celsius: one digit after the point. Values with F are Fahrenheit: (F - 32) * 5 / 9. Other units \
are not there; C may be missing.
- Values of -999 are faults of the sensor, whatever the unit, and left out.
- Of several lines with the same sensor and time the last one in the file counts, unless it is \
left out.
- Sorted by time, then by sensor."""


def readings(draw: Random) -> tuple[str, Rows]:
    start = datetime(2026, 3, 1, tzinfo=UTC)
    lines, kept = list[str](), dict[tuple[str, str], str]()
    for _ in range(80):
        at = start + timedelta(minutes=10 * draw.randrange(40))
        sensor, tenths = draw.choice(("attic", "cellar", "yard")), draw.randint(-150, 350)
        iso = at.strftime("%Y-%m-%dT%H:%M:%SZ")
        time = draw.choice((iso, str(int(at.timestamp()))))
        hundredths = tenths * 18 + 3_200
        value = draw.choice(
            (f"{tenths / 10:.1f} C", f"{tenths / 10:.1f}", f"{hundredths / 100:.2f}F")
        )
        faulty = draw.random() < 0.1
        value = draw.choice(("-999", "-999 C", "-999F")) if faulty else value
        lines.append(f"{sensor}\t{time}\t{value}")
        if not faulty:
            kept[iso, sensor] = f"{tenths / 10:.1f}"
    rows = [[at, sensor, value] for (at, sensor), value in sorted(kept.items())]
    return "\n".join(lines) + "\n", [["at", "sensor", "celsius"], *rows]


STOCK = """\
- The raw file has records with a blank line between them; a record has lines such as \
`name: bolt`, `count: 12` and `place: cellar`, in any order and with keys in any case.
- Columns: name,count,places; one head line.
- name: lower case. Records of the same name, whatever its case, become one row.
- count: their sum. It comes as a number, as `2 dozen` (12 each), or as `none`. A record without \
a count counts as one piece.
- places: the different places, sorted, with + between them; empty without any.
- Sorted by name."""


def stock(draw: Random) -> tuple[str, Rows]:
    records, counts, places = list[str](), dict[str, int](), dict[str, set[str]]()
    for _ in range(40):
        name = draw.choice(_ARTICLES)
        count, written = draw.choice(
            ((0, "none"), (24, "2 dozen"), (12, "1 dozen"), (7, "7"), (31, "31"))
        )
        fields = [
            f"{draw.choice(('name', 'Name'))}: {draw.choice((name, name.upper(), name.title()))}"
        ]
        if draw.random() < 0.15:
            count = 1
        else:
            fields.append(f"{draw.choice(('count', 'COUNT'))}: {written}")
        counts[name] = counts.get(name, 0) + count
        places.setdefault(name, set())
        if draw.random() < 0.8:
            place = draw.choice(_PLACES)
            fields.append(f"{draw.choice(('place', 'Place'))}: {place}")
            places[name].add(place)
        draw.shuffle(fields)
        records.append("\n".join(fields))
    rows = [[name, str(counts[name]), "+".join(sorted(places[name]))] for name in sorted(counts)]
    return "\n\n".join(records) + "\n", [["name", "count", "places"], *rows]

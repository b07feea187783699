"""What counts as saying that something does not work, both ways; the rules were not written against
the cases below the lines."""

from __future__ import annotations

import pytest

from agent.learning.negative import complaints, negative

CLAIMS = """
The browser tool is broken.
The web browser does not work on this machine.
docker is not installed here
`git` isn't available in the sandbox
There is no internet access in this environment.
The proxy at the office is down.
npm install always fails.
The staging server is unreachable
pytest hangs.
The GPU can't be used.
The search tool keeps timing out.
web_fetch never works.
sudo is not available.
The API of the weather service is currently offline
The printer isn't working
The database won't start.
No network access from the sandbox
curl does not resolve hosts.
The linter crashes.
Playwright is missing.
The build is still failing.
The package manager cannot be used
The machine has no GPU available
no docker on this machine
python 3.13 is not supported
The user's laptop does not respond
The VPN doesn't connect
The browser tool is unreliable and useless.
Der Drucker ist kaputt.
Das VPN funktioniert hier nicht.
Docker ist auf diesem Rechner nicht installiert.
Der Build schlägt immer fehl.
Der Server ist derzeit nicht erreichbar.
npm läuft nicht
Die Suche stürzt ständig ab
Kein Internet verfügbar
Git kann nicht installiert werden
Le serveur est en panne.
Docker n'est pas installé ici.
La recherche ne fonctionne pas.
Le proxy ne répond plus
npm échoue toujours
Impossible de joindre le serveur
Il n'y a pas de réseau
El servidor está caído.
Docker no está instalado.
La búsqueda no funciona
El proxy no responde
npm falla siempre
No hay acceso a internet
# --
The scanner has stopped responding.
ffmpeg isn't installed on this box
The mail gateway is unavailable at the moment.
bazel never works on this laptop
The camera can not be reached
The shared drive cannot be accessed
Selenium crashes constantly.
The screen reader plugin does not load
There is no GPU here
Das Mikrofon ist defekt
Die Datenbank antwortet nicht
Der Scanner wird nicht gefunden
La caméra ne marche plus
Le wifi est indisponible
La impresora no imprime nunca, no funciona
El wifi está caído
""".strip().splitlines()
OTHERS = """
The user does not eat meat.
The user does not want exclamation marks.
Never push to main without a review.
Reports never go out on Fridays.
The tests fail without STAGE=test.
ssh to the server fails without the key
The build breaks when CC is unset
We do not use tabs.
The user prefers dark mode.
pip needs a virtual environment here
The deploy branch is release, not main.
Ann works on Mondays, not on Fridays.
Invoices are sent as PDF.
Do not commit generated files.
The second column holds cents, not euros.
Use uv, not pip.
The user never works on Sundays
The user is not available on Fridays before ten
I don't drink coffee
Call me Ann, not Annabel
Downtime is announced by mail.
The file holds no header.
Broken links are listed in links.txt
`make check` finds dead code.
The team has no designer.
The error log is in /var/log/app
Missing values are written as NA.
The crash report template is in docs/.
Das Team arbeitet freitags nicht.
Der Nutzer isst kein Fleisch.
Rechnungen gehen nie per Post
Ohne Schlüssel schlägt ssh fehl
Der Zweig heißt release, nicht main.
L'utilisateur ne mange pas de viande.
Les rapports ne partent jamais le vendredi.
Sans clé, ssh échoue
El usuario no come carne.
Los informes no salen los viernes.
Sin clave, ssh falla
La rama es release, no main
Retry three times: the first try often times out only when the cache is cold
The API has a limit of 60 requests a minute.
Timeouts are set to 30 seconds.
The user wants failing tests fixed first
Offline mode is the default
Failures are reported by mail
# --
The user cannot stand long answers.
Meetings are never before ten.
The user has no car.
Dates are not written in the American order.
Do not use the word synergy.
The export has no header row.
A failing check blocks the merge.
The broken-links job runs at night.
Unter 18 Uhr kommt keine Antwort von Ann.
Das Logo ist nicht rund, sondern eckig.
Les réunions ne sont pas le lundi.
El logo no es redondo.
Without a ticket number the hook refuses the commit
The user is no longer at Acme
Version 2 is not the default
Ann and Bob do not share an office
""".strip().splitlines()


@pytest.mark.parametrize("text", [line for line in CLAIMS if line != "# --"])
def test_it_does_not_work(text: str):
    assert negative(text)


@pytest.mark.parametrize("text", [line for line in OTHERS if line != "# --"])
def test_it_is_something_else(text: str):
    assert not negative(text)


def test_there_are_enough_cases_of_both():
    assert min(len(CLAIMS), len(OTHERS)) >= 60


def test_a_complaint_says_nothing_to_do():
    text = "1. docker is broken.\n2. npm hangs: use pnpm instead\n3. Report."
    assert complaints(text) == ["docker is broken."]

"""Words that mean about the same in the work skills are for. A short list, not a dictionary: what
people call one thing or one act when they ask for it, and when they write it down."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from skills.words import stem

_ACTS = """
backup dump snapshot safeguard copy sichern sicherung datensicherung sauvegarde respaldo 备份
restore recover recovery rescue retrieve wiederherstellen restaurer restaurar recuperar
undo revert reverse rollback reset
shrink compress reduce reduction smaller slim compact minimize size verkleinern compresser alleger
speed fast faster quick slow sluggish performance bottleneck optimise optimize lent lento langsam
duplicate double doubles dedupe identical copies dublette doppelt doublon duplicado
search find locate detect look hunt discover suchen finden chercher buscar
summary summarise summarize aggregate digest gist tldr condense overview essentials zusammenfassen
compare comparison versus difference differ diff vergleichen comparer comparar
review check audit verify inspect examine validate prove prufen kontrollieren verifier revisar
create make new setup bootstrap scaffold start init initialise begin
publish release ship deploy rollout upload push online veroffentlichen publier publicar
update upgrade bump patch refresh outdated newer aktualisieren actualizar
delete remove drop prune cleanup clean tidy purge clear garbage loschen aufraumen supprimer borrar
free reclaim cleanup full
transcribe transcript transcription speech spoken transcribir transcrire
translate translation ubersetzen ubersetzung traduire traduction traducir 翻译 翻訳
convert conversion transform turn konvertieren umwandeln convertir
merge join combine bundle concatenate match unite zusammenfugen fusionner combinar
split separate divide aufteilen
rename renaming name names umbenennen renommer renombrar
sort file order organise organize folder archive einsortieren ablegen trier ordenar
monitor watch follow track alert surveil uberwachen surveiller vigilar
diagnose diagnosis debug troubleshoot triage investigate cause why
schedule nightly daily weekly cron timer automatic recurring
remind reminder dunning chase overdue unpaid erinnern mahnung relancer recordar
export exporting
import importing
revoke withdraw
stop halt
encrypt encryption
decrypt decryption
download fetch
extract parse pull fields auslesen extraire extraer
redirect forward moved
limit throttle rate block
test pytest unit coverage cover
grant permission right access login account role
train teach learn fit trainieren entrainer entrenar
evaluate evaluation measure score judge accuracy quality metric
quantize quantise int8 precision
profile profiler hot bottleneck
answer reply respond response
draft compose formulate letter
arrange book schedule appointment
unsubscribe subscription
scale autoscaling resize grow
configure configuration provision install settings
plot chart graph diagram visualise visualize picture
refactor restructure simplify rewrite
document documentation docs docstring
notify notification alarm alert
recognise recognize recognition ocr
plan planning itinerary
classify categorise categorize label group
calculate compute add sum total
finetune train
predict forecast prediction
mask anonymise anonymize redact pseudonymise
encode encoding decode
approve approval confirm
repair fix mend correct
adopt import codify
explain explanation
spend cost cut save
normalize normalise uniform consistent unify
"""

_OPPOSITES = """
backup restore
create delete
merge split
publish undo
export import
grant revoke
start stop
encrypt decrypt
upload download
"""

_THINGS = """
photo picture image photograph jpeg bild foto imagen
container docker image
video film clip movie
audio sound recording recorded voice interview podcast
subtitle caption srt untertitel
invoice bill rechnung facture factura
contract agreement vertrag contrat contrato
paper article study publication literature research
bibliography reference citation cite
competitor rival competition
database db datenbank base
postgres postgresql pg psql
mysql mariadb mysqldump
kubernetes k8s kubectl
disk storage space partition gigabytes festplatte disque disco
network internet connection connectivity wifi netzwerk reseau red
port socket listening
certificate cert tls ssl https zertifikat certificat certificado
url link address
log logs protokoll
bug fault defect mistake broken error failure problem issue wrong fehler erreur fallo
regression broke broken breaking
crash restart exit die dies
dependency package library requirement
type typing typed annotation annotate mypy hint
spreadsheet excel xlsx sheet workbook vlookup
table list tabulate tabular csv tabelle tableau tabla
docx word document
slide presentation powerpoint deck
infrastructure infra terraform
cloud provider
machine server host computer pc box rechner ordinateur
website site homepage webpage
password secret credential token
dataset data examples samples
classifier classification classify
hyperparameter parameter sweep optuna
label annotation
weight model network net
commit changeset history
branch topic
accountant adviser steuerberater buchhaltung
crawler bot scraper
email mail message correspondence
inbox mailbox
newsletter mailing advertising promotional marketing
person people participant member colleague
appointment meeting calendar invitation invite slot
pod workload
kubernetes k8s kubectl
application app service program software
pending stuck hang waiting
resource cpu memory ram
secret credential password token key
user account login
employee staff team
trip travel flight hotel journey
budget expense cost spending bill money finance
recipe meal cooking
resume cv application candidate
course lesson training
survey questionnaire poll
task todo ticket
deadline due
report brief memo
price product shop offer
phone mobile smartphone
job worker queue
cache caching
api endpoint rest
schema structure column field
query statement sql
dns domain hostname
process daemon service
dashboard monitoring metric
environment variable config setting
style format formatter lint
notebook jupyter
experiment trial
vector embedding
prompt instruction
song music playlist track
shift roster rota
lead prospect customer client
warehouse stock inventory
tax vat
refund return
holiday vacation leave absence
"""


def _groups(table: str) -> list[frozenset[str]]:
    return [frozenset(stem(word) for word in line.split()) for line in table.strip().splitlines()]


def _numbers(groups: Sequence[frozenset[str]]) -> dict[str, frozenset[int]]:
    words = {word for group in groups for word in group}
    return {
        word: frozenset(number for number, group in enumerate(groups) if word in group)
        for word in words
    }


ACTS: Mapping[str, frozenset[int]] = _numbers(_groups(_ACTS))
"""Which acts a stem may mean, by number; stems of no act are missing."""

OPPOSITES = frozenset(
    frozenset((one, other))
    for pair in _OPPOSITES.strip().splitlines()
    for one in ACTS[stem(pair.split()[0])]
    for other in ACTS[stem(pair.split()[1])]
)
"""Pairs of acts of which one undoes the other."""

SYNONYMS: Mapping[str, frozenset[str]] = {
    word: frozenset(other for number in numbers for other in groups[number] if other != word)
    for groups in (_groups(_ACTS) + _groups(_THINGS),)
    for word, numbers in _numbers(groups).items()
}
"""What else may be said for a stem, itself not among it."""

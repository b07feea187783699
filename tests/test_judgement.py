"""Words that accept or correct, and words that only ask for the next thing."""

from __future__ import annotations

import re

import pytest

from agent.learning.judgement import READ_CHARS, judges, verdict

ACCEPTS = """\
thanks
Thanks!
Thank you so much for fixing it
thank you, that was quick
Great, now add a test for the empty file
perfect
Perfect! Could you also do the second folder?
OK, great. Next: the docs
Nice work
Well done.
exactly what I wanted
Exactly, and now the same for June
yes, that works
It works now, thanks
That's right
this is fine for me
That looks good, go on with the rest
looks good to me
LGTM
just what I needed
that did the trick
awesome thanks
good, but use euros
that's better
👍
Danke, das passt
Vielen Dank!
super, jetzt noch die Tabelle
Merci, c'est parfait
¡Gracias!
gracias, está bien
Спасибо, отлично
谢谢，很好
ありがとう
""".splitlines()

CORRECTS = """\
No, use tabs
no. The other file
Nope
wrong folder, sorry? wrong.
That's wrong
this is wrong, the sum is in cents
That is not what I asked for
that isn't right
not like this, keep the header
Not that one, the second
Don't touch the tests
please do not change the config
Never commit to main
Always run the linter first
stop adding comments
Use tabs instead
I'd rather have one file
I meant the other report
I asked for JSON
you forgot the second sheet
You should have asked first
You shouldn't delete that
it still fails
this doesn't look right
almost, but the header is missing
please revert
It doesn't work
The page is still broken
Undo that
try again
Actually, make it blue
Nein, die andere Datei
Das ist falsch
Du hast die Summe vergessen
nicht so
Non, pas comme ça
ce n'est pas ça
No es así
нет, другой файл
不对，用另一个文件
""".splitlines()

NEUTRAL = """\
please add tests
never mind the old file, create a new one
no idea why it fails, look
No tests yet, write some
write a thank you note to Ann
Thanks in advance for looking at the logs
Thanks for your help in advance, the task is below
Danke im Voraus
make a great logo
Great circle distance in Python, please
Find nice restaurants near the station
nice -n 10 make, what does that do?
perfect numbers below 1000
Exactly 3 files must remain
find out what is wrong with the build
why does it fail when the file is empty?
make sure that it works on macOS
check whether the link works
tell me if this is correct
explain why this is wrong: 1 + 1 = 3
is that right?
My build still fails after the upgrade, find out why
not this week, but next: plan it
good prices only
stop all containers
continue
yes please
ok
the tests don't pass, fix them
list files that do not exist any more
it always fails at night; find out why
what should you do when the disk is full?
Please use Python to sum the amounts
use Rust instead of Go for the parser
what does this option actually do?
correct the spelling in README.md
Wrong passwords must lock the account
no-op functions should be removed
No more than ten lines, please
the job runs every night, add an alert
super class of Foo, rename it
Explain what `git stash` does
good morning, what is on for today?
create a page that looks like the old one
nonfiction books by year
non-empty lines only
prima facie evidence, summarise it
count how many users said yes
translate "merci" into German
schreib einen Test für den Parser
ajoute un test
añade una prueba
добавь тест
写一个测试
""".splitlines()


@pytest.mark.parametrize("text", [*ACCEPTS, *CORRECTS])
def test_it_judges(text):
    assert judges(text)


@pytest.mark.parametrize("text", NEUTRAL)
def test_it_asks_for_something(text):
    assert not judges(text)


def test_case_and_curly_apostrophes_make_no_difference():
    for text in (*ACCEPTS, *CORRECTS):
        assert judges(text.upper())
        assert judges(text.replace("'", "’"))


def test_a_judgement_may_follow_the_first_sentence():
    assert judges("I looked at the result. It still fails.\nHere is the log")
    assert judges("Hm\nthat's wrong")


def test_only_the_beginning_is_read():
    assert not judges("word " * READ_CHARS + "\nthanks")
    assert judges("thanks\n" + "word " * 100_000)
    assert not judges("")


# -- which of the two ---------------------------------------------------------------------------

RESERVED = {"good, but use euros"}
"""It begins with praise and ends with a wish: neither."""

DOUBTFUL = """\
Great, now it's even worse
perfect, you deleted everything
Thanks for nothing
Oh great
oh, great, another error
Well done, genius
Nice job breaking the build
Just what I needed, another failure
"Great" work
Great work 🙄
thanks a lot for the crash
wow, great
Great, go ahead
perfect, do it
Good. Proceed
Thanks, though the header is gone
is that right?
Great?
this works?
No?
so it works now?
that's fine, isn't it?
Well done /s
Super, alles kaputt
""".splitlines()


@pytest.mark.parametrize("text", [text for text in ACCEPTS if text not in RESERVED])
def test_it_accepts(text):
    assert verdict(text) == "accepted"


@pytest.mark.parametrize("text", CORRECTS)
def test_it_corrects(text):
    assert verdict(text) == "corrected"


@pytest.mark.parametrize("text", [*NEUTRAL, *RESERVED])
def test_it_says_nothing_of_the_work(text):
    assert verdict(text) is None


@pytest.mark.parametrize("text", DOUBTFUL)
def test_sarcasm_questions_and_plans_are_no_acceptance(text):
    assert verdict(text) != "accepted"


@pytest.mark.parametrize("praise", [text for text in ACCEPTS if not re.search(r"[.!:] ", text)])
@pytest.mark.parametrize("end", ["?", " That is still wrong.", " /s", " 🙄", ", but it fails"])
def test_praise_taken_back_is_no_acceptance(praise, end):
    assert verdict(f"{praise.rstrip('!.')}{end}") != "accepted"


def test_an_order_in_a_long_request_is_about_that_request():
    order = "Don't touch the tests"
    request = "the parser fails on an empty file, find out why and mend it in the code only"
    assert verdict(order) == "corrected"
    assert verdict(f"{order}, {request}") is None
    assert verdict(f"{request}. {order}") is None


def test_a_bare_word_answers_the_question_that_was_asked():
    for text in ("No", "no.", "Great!", "perfect", "nein"):
        assert verdict(text) is not None
        assert verdict(text, asked=True) is None
    assert verdict("that's wrong", asked=True) == "corrected"


def test_the_case_makes_no_difference_to_the_verdict():
    for text in (*ACCEPTS, *CORRECTS):
        assert verdict(text.upper()) == verdict(text) == verdict(text.replace("'", "’"))


def test_what_has_a_verdict_judges():
    for text in (*ACCEPTS, *CORRECTS, *NEUTRAL, *DOUBTFUL):
        assert judges(text) or verdict(text) is None

"""The built-in model: deterministic, without network, for steps, goals and skills in plain rules.

provider      a request in, a reply out
decide        which rule answers the last user message
scene         the words that rule, what was loaded before them, what was done since
transcript    what messages say: words, notes, catalog, skills, finished calls
work          the words compiled into steps: a list, a goal, a skill to follow
steps actions a list in words; the words of one step as tool calls
goals         ways to try, files to try them for, a check
instructions  a SKILL.md's procedure, read and changed
plan          steps replayed over results: what is next, what has failed
report asking what finished work answers; questions answered from notes and talks
checkpoint    the answer to a self-evaluation: review and evidence, distil, facts, evaluation
compaction    an extractive summary that the work goes on from
text          code spans, paths, placeholders, words in common
"""

"""The built-in model: deterministic, without network, for steps, goals and skills in plain rules.

provider     the provider: a request in, a reply out
decide       which rule answers the last user message
transcript   what a request's messages say: words, notes, catalog, skills, finished calls
text         code spans, paths, placeholders, words in common
actions      the words of one step as tool calls
steps        a message as a list of steps
goals        a goal with a check, ways to reach it and files to reach it for
instructions a SKILL.md's procedure, read and revised
plan         steps replayed over results: what is next, what has failed
asking       notes and earlier talks as answers
distil       attempts as a skill
checkpoint   the answer to a self-evaluation request
compaction   an extractive summary that work can go on from
"""

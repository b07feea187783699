"""MEMORY.md and USER.md.

store       MEMORY.md and USER.md
entries     a notes file as entries; merging a save by hand
versions    which version a save by hand began at
operations  what is asked of the notes, checked as a whole
scope       where an entry holds, and until when
known       what the notes say already, and what a new entry supersedes
claims      which claims are the same, and which contradict each other
saying      a sentence in one form of those that mean the same
wording     a claim as the words it is compared by
lexicon     the tables of words for that
echo        what a session was only reminded of
recall      which notes a prompt gets, and a search finds
"""

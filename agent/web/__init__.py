"""The way to the web: one client for every fetch, what reads pages, what searches.

base      what was fetched, what was found, and who opens both
address   which addresses may be fetched
client    one GET: resolved once, checked, pinned, at every redirect anew
body      a body up to its bound, unpacked
reading   from bytes to text, in a process of its own
reader    that process (a program)
leaks     what must not leave in an address
child     how such a program is run
search/   one file per search engine
"""

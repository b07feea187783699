"""Search engines, siblings of one shape; gateway/web.py has their table.

ddgs      asks several engines, without a key
engines   the process that does so (a program)
brave     Brave's search API, with a key
text      what engines say, as plain text
"""

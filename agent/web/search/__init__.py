"""Search engines, siblings of one shape; gateway/web.py has their table.

ddgs    asks several engines, without a key
brave   Brave's search API, with a key
"""

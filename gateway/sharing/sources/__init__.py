"""One file for each kind of place skills come from, in the order in which an address is tried.

base       what a source is
table      which there are
official   skills that ship with the program
folder     a folder on this machine
git        GitHub, and any other repository
archive    a zip, a tar or a single SKILL.md, on this machine or at a URL
wellknown  a web server with an index of skills
"""

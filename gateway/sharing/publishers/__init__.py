"""One file for each kind of place skills are published to.

base       what is published, and where to
table      which places there are
wellknown  files for any web server: an index, and what it names
github     a commit on a branch of a repository
"""

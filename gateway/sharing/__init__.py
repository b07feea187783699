"""Skills between homes: fetched, looked at, installed, renewed, published.

desk         what is asked for at the doors, carried out
ways         what a source is reached with, and which addresses it may be reached at
quarantine   skills that were fetched and are not installed
remote       git's command on somebody else's repository
sources/     one file for each kind of place skills come from
taps         the sources one has named
renewing     what is newer at their sources, what was changed here
publishers/  one file for each kind of place skills are published to
checking     what keeps a skill from being published, and what is to be told first
snapshot     the whole library as one archive
"""

"""A home on the move: into a backup, out of another program's home.

snapshot   a home as of one moment, in run/
source     another program's home: recognised, copied, never opened in place
classes    what such a home holds besides what is taken over, and why that stays there
arrive     what was copied, put into our home by its daemon
skills     ... its skills
jobs       ... its jobs, read as ours
settings   ... its settings, those that mean the same here
"""

"""Messaging platforms, and what is the same for all of them.

base    what a channel is: places, what comes in, what goes out, errors
table   every channel by name
"""

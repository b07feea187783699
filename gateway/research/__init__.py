"""Trajectories worth training on: prompts carried out apart from the home they start from.

one          one prompt in one workspace against a home, to its trajectory
verified     one instance of a task: worked on, judged, the verdict stored with the run
tasks/       the tasks, and their verifiers
sessions     a folder of trajectories
exporting    such a folder as one file for training

frozen       a home as it is now, copied
batch        a file of prompts, worked through by many workers
prompts      the file
ledger       every prompt and how far it is
foreman      the one writer: hands out, takes in, replaces workers that die
frames       what it and its workers say to each other
engine       what carries tasks out: local_engine, ray_engine (with ray_worker)
slot         a worker
workspaces   the folders it works in
at_home      the same with --learn, by the home's daemon
compress     trajectories cut down to so many tokens
figures      what a batch came to
"""

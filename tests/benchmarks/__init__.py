"""What this program costs, measured beside its peers and a floor in the same run.

__main__      the command line: which measures, which peers, one table
bench         what every measure works with
agents        the shape of an agent; the floor and this repository in it
peers         agents from PyPI in it, and how they are installed
model, script a model on loopback whose replies are written in the prompt
processes     starting processes; usage: what /proc says of them
table         figures and their ratios
client_start, say_hi, tool_calls, prompt_size, prefix, idle, store, skills, api   one measure each
bare, bare_daemon, bare_api, api_client, store_child   run as processes of their own
"""

"""What was learned, for people: shown, decided, undone, forgotten; upkeep and trials.

noted        what they tell of the notes
learned      what they tell of learned changes
change_text  the same as text for people
command      /learned
announcing   one line when something was learned
deciding     the owner's word on a learned change
forgetting   what he wants forgotten: out of the views, off the disk
proof        what they tell of evidence and progress
trials       cases of the past replayed with a skill and without it
trial        one such trial
copies       workspaces copied for trials
judging      /good and /bad
settling     carries out what the end of a run decides about its notes
trying       what the doors tell of trials
upkeep       the states of skills, and what the figures of their runs decide
curator      the weekly look at the library
"""

"""What runs came to, and what skills were worth: computed from the journal.

run_tables  finished runs, their skills and kinds of task, likewise
sources     where a learned change came from
facts       what a run comes to, folded from its events
recovery    which calls were no use, which errors were got over
outcome     success, partial, failure or unknown, and why
reward      the same as a number in five parts
task_kinds  which runs were for the same kind of task
evidence    what each skill was worth
cases       what a skill can be tried on
settling    what becomes of notes when it is known how their run came out
usual       what a skill's figures are held against
progress    calls and success over time, by kind of task
"""

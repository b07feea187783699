"""Tasks whose results can be verified, one file each.

base         what a task, an instance and a verdict are
table        every task by its name
fix_bugs write_tests debug_flaky clean_data find_in_logs
             the tasks
programs/    the programs of the first two, and their bugs
flaky/       those of the third
messes       the files of the fourth
logs         those of the fifth
"""

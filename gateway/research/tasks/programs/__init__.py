"""Small programs that tasks break or leave without tests. Each is what its docstrings say.

table       all of them, with bugs for each and inputs that show them
intervals   spans of whole numbers
durations   lengths of time as text
tables      lines of comma-separated values
ledger      accounts and what was booked
"""

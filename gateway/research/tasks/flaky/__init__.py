"""Small programs whose tests fail only now and then. Each is right; the table takes it wrong.

table      all of them: what makes each unreliable, and what brings it out
labels     sets, whose order changes from run to run
carts      what one call leaves behind for the next
counters   threads
days       the time zone of the machine
"""

"""The one door for everything learned, and what it judges by.

door          the one door for everything learned
proposal      a change as it is planned
earlier       changes made before, planned again or back
ledger        which changes stand, and what the owner has refused
masks         what the owner wants forgotten, hidden from every view
hiding        the words of it, taken out of a text
change_files  the files of a change: written all or none
file_parts    a change of a long file, kept as the lines that differ
grounds       what a change rests on, which decides its status
lessons       whether a note may be believed at once, later, or by its owner's word only
sayings       what the owner's sentences are worth as a ground for a note
negative      claims that something does not work, which expire
origin        which words came from untrusted text
literals      what a text only lists, and what code glues together from quoted pieces
orders        orders in such text, and notes that say the same in other words
rights        locks and pins, which bind every actor
judgement     what the owner's words say of the work
evidence      what is known of a skill's worth, as figures
"""

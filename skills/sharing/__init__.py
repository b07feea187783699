"""Skills as they travel between homes. Pure: bytes and texts in, plans and findings out.

package      a skill's files in memory, bounded, under names that can only lie below it
unpack       archives read into such files
layout       which folders of a tree are skills, and what each of them offers
packing      files as one archive, always the same bytes
index        the well-known index, read in both versions and written
lock         where an installed skill came from, and the hash of every file
advice       what a careful reader would stop at, line by line
phrases      the words and shapes it stops at
compare      what is on disk, what was installed, what is new
installing   the changes that put a skill into the home, renew it and take it out
"""

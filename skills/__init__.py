"""What it knows how to do. Knows agent/ and hermes_home/, not memory/ and not gateway/.

skill        the agentskills.io format, read leniently
strict       the same format as we write it
frontmatter  the YAML block on top, read as text only
diagnostic   what is odd about a skill
encoding     its bytes as text
scan         finds skill folders on disk
fitness      can a skill work on this machine
versions     which version of a skill this is, by all its files
snapshot     what the roots hold at one moment
library      all roots, three tiers: catalog, instructions, resources
catalog      the few skills that match, for the prompt
triggers     the words people ask for a skill with, as its metadata tells them
words        the words of a text as they are compared
kin          other forms, roots and parts of a word
synonyms     words that mean about the same
ranking      which skills match a request
overlays     copies of bundled skills in the home, and what an update changed under them
draft        one skill's files as they are and as a change would leave them
twins        is there a skill that already does nearly this
writer       the one writer of skills
archived     what lies in the archive, and its way back
states       candidate, active, stale, archived, quarantined: folded from the journal
lifecycle    when a skill is trusted and when it goes: the rules
curation     what upkeep calls for, by use and by age
tools        skills_list, skills_search, skill_view and skill_manage, as the model sees them
sharing/     skills as they travel between homes
bundled/     skills that ship with the program, in groups
"""

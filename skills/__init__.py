"""What it knows how to do. Knows agent/ and hermes_home/, not memory/ and not gateway/.

skill        the agentskills.io format, read leniently
strict       the same format as we write it
frontmatter  the YAML block on top, read as text only
characters   what a reader cannot see but a model can
diagnostic   what is odd about a skill
scan         finds skill folders on disk
library      all roots, three tiers: catalog, instructions, resources
catalog      the few skills that match, for the prompt
ranking      which skills match a request
draft        one skill's files as they are and as a change would leave them
twins        is there a skill that already says nearly this
writer       the one writer of skills
tools        skills_list, skills_search, skill_view and skill_manage, as the model sees them
bundled/     skills that ship with the program
"""

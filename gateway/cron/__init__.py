"""Recurring work. Imported only when a home has jobs, or when one is made.

job           a file below cron/: read, checked, written
schedule      text -> a schedule; what it reads is in
  expression  cron expressions
  phrases     plain English that recurs; days, weekdays, months are its parts
  dates       plain English for one time
  times       times of day, lengths of time
  words       the vocabulary, and a reader that knows where it stands
rules clock   the kinds of schedule and their next instant, across daylight saving
telling       a schedule in words
accounts      what each due time comes to: runs, skipped, missed
timer         APScheduler, which wakes us when something is due
runner        one occurrence carried out: script, model, result
ending        what a run came to
results       where a result goes, and what was not seen yet
service       all of it for one home: files, accounts, runs
desk          what the owner does with jobs
rows          what the doors tell about jobs
due           a due time as people read it
tools         the tool `schedule`; command: /cron
"""

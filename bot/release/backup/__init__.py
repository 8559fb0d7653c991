"""Backups before a rollout: taken, restored to see that they are whole, kept, and put back by a person.

In a rule's folder lie, for each backup, `<service>.<rule>.<UTC time>.<key>.gz` and its manifest, the same with `.json`
at the end. One without the other is no backup: the manifest is put there first, the data last, and the data is taken
away first. Nothing lies there under its final name before it was verified. What is under way is in a folder
`.partial.<service>.<rule>`, which the next take removes. A lock, which the system lets go of when the bot dies, keeps
two takes of one rule apart.
"""

"""The composition root: what stands in the house, its order of starting and stopping.

`house.House` builds everything from `Options`; `running` is what one process leaves for others to
find it by. A part of the house is built in a file of its own here (`pachd.py` is the first), is given
what it stands on, and hands back what others need: services, routes, participants.
"""

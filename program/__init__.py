"""The module as a whole: who uses what, what can be reached, what is known across calls.

Every change in here is a *step*: from a module to a better one, with the maps and facts that an
independent check needs to prove it. Nothing in this room is trusted.
"""

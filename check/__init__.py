"""`eqsat check`: what eqsat makes of a project's modules, against what a lock file says it made.

The gate is deterministic (counted budgets alone), says whose fault a change is (same input: the
optimizer's; other input: the source's), and is quick (a module that was measured before costs one
hash and one look into the cache).
"""

"""Everything that the program remembers: the database and its projection, the state file.

Each module looks after one kind of row and is a handful of functions over a `session.Session`; import the modules, not
the names: `from reconciler.state import meta, runs`. A function never opens or commits a transaction itself: the caller
does, with `database.begin()`, so that what belongs together is recorded together.
"""

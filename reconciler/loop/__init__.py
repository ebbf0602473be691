"""The long-running reconciler: it follows the configuration, runs what is due, and shares the work with its replicas.

    board.py       what is ready to run, and whose turn it is
    crew.py        the workers: one cycle at a time each
    follow.py      the configuration plane: fetch, check, plan, apply or wait
    guard.py       what trouble means for the loop, and knowing the database again
    replica.py     being one of several
    runner.py      the tick that holds it together

Replicas are equal. There is no leader: whoever takes the lease of a document runs its cycle, whoever takes the lease of
`apply` applies. What is due is in the database, so nothing is lost with a process.
"""

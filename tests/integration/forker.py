"""A process that has loaded the program and makes a new process of it for each command, in no time.

    python -m tests.integration.forker

It reads one JSON list of arguments per line, forks, and prints the child's process id; when the child has ended it prints
how: its exit code, or minus the number of the signal. Children are real processes and may be killed at any instruction.
"""

from __future__ import annotations

import json
import os
import sys


def main() -> None:
    import reconciler.cli.apply
    import reconciler.cli.group
    import reconciler.cli.main
    import reconciler.cli.sync
    import reconciler.cli.wiring
    import reconciler.connectors.gainsight_cc.client
    import reconciler.connectors.gainsight_cs.client
    import reconciler.engine.applier
    import reconciler.engine.planner
    import reconciler.engine.projection
    import reconciler.engine.sync
    import reconciler.report.activity
    import reconciler.report.plan  # noqa: F401 - loaded before the first fork, that is the point

    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            _become(json.loads(line))
        print(child, flush=True)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


def _become(arguments: list[str]) -> None:
    """Run the command with silent outputs, and never return."""
    from reconciler.cli.main import run

    code = 70
    try:
        silence = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1):
            os.dup2(silence, stream)
        code = run(arguments)
        sys.stdout.flush()
    finally:
        # Not a normal exit: what the parent had opened is the parent's.
        os._exit(code)


if __name__ == "__main__":
    main()

"""The way in, and the error boundary: whatever happens ends in a message, a hint and a documented exit code."""

from __future__ import annotations

import gc
import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reconciler import errors

INTERNAL_BUG = 70
USAGE = 64
INTERRUPTED = 130
COLLECT_RARELY = (100_000, 20, 20)


def main() -> None:
    """Run the command line and exit."""
    # A closed stream is None, and everything written to it is nobody's.
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w"))  # noqa: PTH123, SIM115 - as long as the process; pathlib is slow
    try:
        code = _main(sys.argv[1:])
    except KeyboardInterrupt:
        _complain("interrupted")
        code = INTERRUPTED
    if "click" in sys.modules:  # a command: help is over before anybody could interrupt it
        import signal

        signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.exit(code)


def _main(arguments: list[str]) -> int:
    if arguments in ([], ["--help"], ["-h"], ["help"]):
        from reconciler.cli.commands import help_text

        return _say(help_text(), 0 if arguments else USAGE)
    if arguments == ["--version"]:
        from reconciler import __version__

        return _say(f"reconcile {__version__}", 0)
    return run(arguments)


def _say(text: str, code: int) -> int:
    try:
        print(text, flush=True)
    except BrokenPipeError:
        return _unheard()
    except OSError as error:
        return _unwritable(error)
    return code


def run(arguments: list[str]) -> int:
    """Run one command and return its exit code. Prints every error; raises none."""
    # Most of what a command allocates lives as long as the command: looking through it again and again finds nothing.
    gc.set_threshold(*COLLECT_RARELY)
    import click

    from reconciler import errors
    from reconciler.cli.group import cli

    debug = "--debug" in arguments
    try:
        outcome = cli.main(args=arguments, prog_name="reconcile", standalone_mode=False)
        sys.stdout.flush()
        return outcome if isinstance(outcome, int) else 0
    except errors.ConfigInvalid as error:
        return _invalid(error, debug)
    except errors.ReconcileError as error:
        return _failed(error, debug)
    except click.exceptions.Exit as exit_request:
        return exit_request.exit_code
    except click.UsageError as error:
        return _misused(error)
    except click.ClickException as error:
        _complain(error.format_message())
        return 1
    except (KeyboardInterrupt, click.Abort):
        _complain("interrupted")
        return INTERRUPTED
    except (BrokenPipeError, SystemExit):
        # click makes a SystemExit of a broken pipe, and of nothing else when it is not standalone.
        return _unheard()
    except OSError as error:
        return _unwritable(error)
    except Exception as error:  # noqa: BLE001 - the boundary
        return _bug(error, debug)


def _unwritable(error: OSError) -> int:
    """What is left for a plain error of the operating system: output that cannot be written, or a file that vanished."""
    _unheard()
    where = f" {error.filename}" if error.filename else " the output"
    _complain(f"cannot read or write{where}: {error.strerror}", "check the space on the disk and the permissions")
    return 1


def _invalid(error: errors.ConfigInvalid, debug: bool) -> int:
    """Show what is wrong with the configuration the way `validate` does."""
    import pathlib

    from reconciler.cli.redaction import KNOWN
    from reconciler.cli.terminal import style_for
    from reconciler.config.load import shown_source
    from reconciler.report.diagnostics import to_text

    root = pathlib.Path(error.root)
    text = to_text(
        error.diagnostics, source=lambda file: shown_source(root, file), files=error.files, style=style_for(sys.stderr)
    )
    sys.stderr.write(KNOWN(text) + "\n")
    return _failed(error, debug)


def _unheard() -> int:
    """The reader went away (`| head`): not an error of ours, and the interpreter must not complain at exit either."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    return 0


def _failed(error: errors.ReconcileError, debug: bool) -> int:
    if debug:
        _traceback()
    from reconciler.cli.redaction import KNOWN
    from reconciler.report.text import visible

    _complain(KNOWN(visible(error.message)), KNOWN(visible(error.hint)) if error.hint else None)
    return error.exit_code


def _misused(error: object) -> int:
    import click

    from reconciler.report.text import visible

    assert isinstance(error, click.UsageError)
    command = error.ctx.command_path if error.ctx else "reconcile"
    _complain(visible(error.format_message()), visible(getattr(error, "hint", None) or f"{command} --help"))
    return USAGE


def _bug(error: Exception, debug: bool) -> int:
    if debug:
        _traceback()
        how = "report the lines above with what `reconcile --version` prints"
    else:
        how = "run again with --debug, and report what it prints with what `reconcile --version` prints"
    _complain(f"internal error: {type(error).__name__}", f"this is a bug in reconcile: {how}")
    return INTERNAL_BUG


def _traceback() -> None:
    import traceback

    from reconciler.cli.redaction import KNOWN

    print(KNOWN(traceback.format_exc()), file=sys.stderr)


def _complain(message: str, hint: str | None = None) -> None:
    from reconciler.cli import terminal

    style = terminal.style_for(sys.stderr)
    lines = [style.red("error:") + f" {message}"]
    if hint:
        lines.append(style.dim("  hint:") + f" {hint}")
    try:
        print("\n".join(lines), file=sys.stderr)
    except OSError:
        return  # nobody can hear us, and the exit code still tells

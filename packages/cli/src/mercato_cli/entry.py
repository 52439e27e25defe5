"""The entry point of `mp`. Nothing is imported before Ctrl-C is handled."""

import os
import signal
import sys
from types import FrameType

_INTERRUPTED = 130
"""128 and the number of SIGINT, as shells have it."""


def leave_at_once(number: int, frame: FrameType | None) -> None:
    """Ctrl-C while there is nothing to clean up: during imports, and once the result is shown."""
    os._exit(_INTERRUPTED)


# A parent that ignores Ctrl-C for its children (`nohup`, a shell's `&`) is obeyed.
IS_INTERRUPTIBLE = signal.getsignal(signal.SIGINT) is not signal.SIG_IGN
if IS_INTERRUPTIBLE:
    signal.signal(signal.SIGINT, leave_at_once)


def _ignore_unraisable(wrong: "sys.UnraisableHookArgs") -> None:
    """Ctrl-C may arrive in a destructor, which cannot pass it on; everything else is Python's to print."""
    if wrong.exc_type is KeyboardInterrupt:
        os._exit(_INTERRUPTED)
    sys.__unraisablehook__(wrong)


def main() -> None:
    """The `mp` command; ends the process."""
    from mercato_cli.run import run

    sys.unraisablehook = _ignore_unraisable
    if IS_INTERRUPTIBLE:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        code = run(sys.argv[1:])
    except KeyboardInterrupt:
        code = _INTERRUPTED
    finally:
        if IS_INTERRUPTIBLE:
            signal.signal(signal.SIGINT, leave_at_once)
    sys.exit(code)


if __name__ == "__main__":
    main()

"""One run of `mp`: whatever goes wrong, in any environment, ends as one line and an exit code."""

import codecs
import os
import sys
import traceback
from collections.abc import Sequence

import click

from mercato_cli.console import Console, leave_quietly
from mercato_cli.errors import Exit, Interrupted, MpError, ReaderLeft

_INTERRUPTED = 130
_TRACEBACK = "MERCATO_TRACEBACK"
_LONGEST = 400
_IN_ASCII = {"…": "...", "→": "->", "–": "-", "—": "-", "’": "'", "“": '"', "”": '"', "·": "-", "█": "#", "░": "."}


def run(words: Sequence[str]) -> int:
    """Run `mp` with these words and return its exit code. Nothing is raised."""
    _prepare_streams()
    console = Console(as_json=_wants_json(words))
    try:
        code = _call(words)
        sys.stdout.flush()
        return code
    except (BrokenPipeError, ReaderLeft):
        leave_quietly()
        return int(Exit.DONE)
    except (KeyboardInterrupt, Interrupted, click.Abort):
        _report(console, None)
        return _INTERRUPTED
    except Exception as error:
        wrong = _explain(error)
        _report(console, wrong)
        return int(wrong.exit_code)


def _call(words: Sequence[str]) -> int:
    from mercato_contracts.wire import build_when_used

    build_when_used()
    from mercato_cli.main import main

    try:
        code = main.main(args=[_decoded(word) for word in words], prog_name="mp", standalone_mode=False)
    except SystemExit as ended:
        code = ended.code
    except click.exceptions.NoArgsIsHelpError as error:
        Console(as_json=False).say(error.format_message())
        return int(Exit.USAGE)
    return code if isinstance(code, int) else int(Exit.DONE)


def _report(console: Console, error: MpError | None) -> None:
    """The error, or a clean line after Ctrl-C; nothing where nobody reads it any more."""
    try:
        if error is None:
            console.interrupted()
        else:
            console.fail(error)
        sys.stdout.flush()
        sys.stderr.flush()
    except OSError:
        leave_quietly()


def _explain(error: Exception) -> MpError:
    """Turn any error into one sentence, advice and an exit code."""
    if isinstance(error, MpError):
        return error
    if isinstance(error, click.ClickException):
        return _misuse(error)
    if isinstance(error, UnicodeError):
        text = f"Some input is not text in this terminal's encoding ({sys.stdin.encoding})."
        return MpError(text, "Set LANG to a UTF-8 locale such as C.UTF-8.")
    if isinstance(error, OSError):
        return _system(error)
    kind = type(error).__module__.partition(".")[0]
    if kind in ("pydantic_core", "pydantic"):
        return _invalid(error)
    if kind == "httpx":
        return MpError(f"The connection failed: {error}.", "Check the address and try again.", Exit.UNREACHABLE)
    return _fault(error)


def _misuse(error: click.ClickException) -> MpError:
    path = getattr(getattr(error, "ctx", None), "command_path", "mp")
    return MpError(_shortened(error.format_message()), f"See `{path} --help`.", Exit.USAGE)


def _shortened(text: str) -> str:
    """Without the middle of what somebody pasted by mistake."""
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST // 2]} … {text[-_LONGEST // 2 :]}"


def _system(error: OSError) -> MpError:
    """What the machine refused: a folder that cannot be written, a full disk, no more processes."""
    reason = os.strerror(error.errno) if error.errno else str(error) or type(error).__name__
    if isinstance(error.filename, str | bytes):
        return MpError(f"{os.fsdecode(error.filename)}: {reason}.", "Make it accessible, or name another path.")
    if isinstance(error, FileNotFoundError):
        return MpError("The current folder no longer exists.", "Change to another: `cd ~`.")
    return MpError(f"The operating system refused: {reason}.", "Free some space or check the limits, and try again.")


def _invalid(error: Exception) -> MpError:
    """Arguments that cannot be put into a request."""
    from pydantic import ValidationError

    from mercato_contracts.words import message_of

    if not isinstance(error, ValidationError):
        return _fault(error)
    first = error.errors()[0]
    field = ".".join(str(part) for part in first["loc"]).replace("_", " ")
    return MpError(f"{field}: {message_of(first)}." if field else f"{message_of(first)}.", "See the command's --help.")


def _fault(error: Exception) -> MpError:
    if os.environ.get(_TRACEBACK):
        traceback.print_exception(error)
    message = " ".join(str(error).split())[:200]
    text = f"mp itself failed: {type(error).__name__}{f': {message}' if message else ''}."
    return MpError(text, f"Please report it; {_TRACEBACK}=1 shows where it happened.", Exit.FAULT)


def _decoded(word: str) -> str:
    """The word as UTF-8, whatever the locale is. Raises `MpError`."""
    if not any("\ud800" <= each <= "\udfff" for each in word):
        return word
    try:
        return os.fsencode(word).decode()
    except UnicodeError:
        shown = os.fsencode(word).decode(errors="replace")
        raise MpError(f"{shown} is not UTF-8 text.", "Write it in UTF-8.") from None


def _wants_json(words: Sequence[str]) -> bool:
    before = list(words)[: list(words).index("--")] if "--" in words else words
    return "--json" in before


def _prepare_streams() -> None:
    """Streams that exist and take any text: a closed one is the null device, other alphabets are approximated."""
    codecs.register_error("approximate", _approximate)
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode))  # noqa: SIM115  (lives as long as the process)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="approximate")


def _approximate(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end]
    return "".join(_IN_ASCII.get(each, "?") for each in text), error.end

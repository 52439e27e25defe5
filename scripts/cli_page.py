"""The reference page of commands, as `make docs` writes it."""

import inspect
from enum import IntEnum

import click

from mercato.app.main import main as mercato
from mercato_cli.errors import Exit, RunExit
from mercato_cli.main import main as mp
from mercato_cli.sections import SectionedGroup


def cli() -> str:
    """The page of both commands: every verb, argument and option."""
    lines = ["# Commands\n"]
    for name, command in (("mp", mp), ("mercato", mercato)):
        lines += _command_page(name, command, level=2)
    return "\n".join([*lines, *_exit_codes(), ""])


def _exit_codes() -> list[str]:
    """One table: what a code means for any command, and what `mp train wait` says of its run with it."""
    runs = {int(code): _name_of(code) for code in RunExit}
    rows = [(int(code), _name_of(code), runs.get(int(code), "")) for code in Exit]
    return [
        "## Exit codes of `mp`\n",
        "`mp train wait` ends as its run ended, and shares 1, 2 and 3 with every command. Standard output names the",
        "run and its state when the run ended, and is empty after any other error.\n",
        "| Code | Any command | The run of `mp train wait` |",
        "|---|---|---|",
        *(f"| {number} | {name} | {run} |" for number, name, run in rows),
        "| 130 | Ctrl-C | |",
    ]


def _name_of(code: IntEnum) -> str:
    return code.name.lower().replace("_", " ")


def _command_page(name: str, command: click.Command, level: int) -> list[str]:
    context = click.Context(command, info_name=name)
    usage = " ".join([name, *command.collect_usage_pieces(context)])
    lines = [f"{'#' * level} `{name}`\n", f"{inspect.cleandoc(command.help or '')}\n", f"    {usage}\n"]
    options = [option for option in command.params if isinstance(option, click.Option) and not option.hidden]
    if options:
        lines += ["| Option | What it does |", "|---|---|"]
        rows = [option.get_help_record(context) for option in options]
        lines += [f"| `{_cell(row[0])}` | {_cell(row[1])} |" for row in rows if row] + [""]
    if isinstance(command, SectionedGroup):
        lines += _section_table(name, command)
    if isinstance(command, click.Group):
        # The commands of `mercato` are imported when they are asked for: the group holds none.
        for verb in list(command.commands) or command.list_commands(context):
            inner = command.get_command(context, verb)
            assert inner is not None, verb
            lines += _command_page(f"{name} {verb}", inner, level=min(level + 1, 4))
    return lines


def _section_table(name: str, command: SectionedGroup) -> list[str]:
    """Which commands stand under which heading of the help, with links to each."""
    rows = [
        f"| {title} | {', '.join(f'[`{verb}`](#{name}-{verb})' for verb in verbs)} |"
        for title, verbs in command.sections.items()
    ]
    return ["| For | Commands |", "|---|---|", *rows, ""]


def _cell(text: str) -> str:
    return text.replace("|", "\\|")

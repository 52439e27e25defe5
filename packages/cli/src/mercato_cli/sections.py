"""A group of commands whose help lists them under headings."""

from collections.abc import Iterable
from typing import Any

import click

_MARGINS = 6  # two columns before a name, two after it, and two at the end of a line, as click keeps them


class SectionedGroup(click.Group):
    """`mp --help` with a heading for each kind of user; everything else is click's own group."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self.sections: dict[str, list[str]] = {}
        """Names of commands by heading, both in the order in which they are shown."""

    def add_section(self, title: str, commands: Iterable[click.Command]) -> None:
        """Add the commands and list them under this heading."""
        for command in commands:
            self.add_command(command)
            self.sections.setdefault(title, []).append(str(command.name))

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write one list per heading, with the second column aligned across all of them."""
        longest = max(map(len, self.commands), default=0)
        limit = formatter.width - _MARGINS - longest
        for title, names in self.sections.items():
            rows = [(name.ljust(longest), self.commands[name].get_short_help_str(limit)) for name in names]
            with formatter.section(title):
                formatter.write_dl(rows)

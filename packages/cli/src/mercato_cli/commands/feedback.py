"""`mp feedback`: what was found of the results of a search."""

import click

from mercato_cli.command import Mp, command


@click.group()
def feedback() -> None:
    """Say what you found of a search's results; operators see what it adds up to."""


@feedback.command("give")
@click.argument("service", metavar="VENDOR/NAME")
@click.argument("words", nargs=-1, required=True)
@click.option("--position", type=click.IntRange(1, 200), required=True, help="Where it stood in the answer, from 1.")
@click.option("--useful/--not-useful", default=True, show_default=True, help="What you found of it.")
@command
def give(mp: Mp, service: str, words: tuple[str, ...], position: int, useful: bool) -> None:
    """Say whether a result of a search for these words was useful."""
    verdict = "useful" if useful else "not_useful"
    mp.client.give_feedback(" ".join(words), service, position, verdict)
    noted = {"service": service, "position": position, "verdict": verdict}
    mp.console.show(noted, lambda: mp.console.say(f"Noted: {service} is {verdict.replace('_', ' ')} there."))


@feedback.command("figures")
@command
def figures(mp: Mp) -> None:
    """Show how far down answers people find what they look for (operator)."""
    found = mp.client.feedback_figures()
    rows = [(each.position, each.opened, each.useful, each.not_useful) for each in found.positions]
    rank = "-" if found.reciprocal_rank_bp is None else f"{found.reciprocal_rank_bp / 10_000:.3f}"
    mp.console.note(f"{found.queries} queries, mean reciprocal rank {rank}")
    mp.console.show(
        found.model_dump(mode="json"),
        lambda: mp.console.table(["position", "opened", "useful", "not useful"], rows, "No feedback yet."),
    )

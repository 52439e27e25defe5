"""`mp call`: one call through the gateway, never sent twice."""

import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mercato_cli.command import Mp, command
from mercato_cli.errors import Exit, MpError
from mercato_cli.names import split_name
from mercato_cli.text import clean

if TYPE_CHECKING:
    import httpx

    from mercato_contracts.publishing import ServiceView

_OPENAI_PATHS = {"embeddings": "/v1/embeddings", "completion": "/v1/completions"}


@click.command()
@click.argument("service", metavar="VENDOR/NAME[@VERSION]")
@click.argument("path", required=False)
@click.option("--data", metavar="JSON", help="The body: JSON, @FILE, or - for standard input.")
@click.option("--method", help="The HTTP method; POST with a body, else GET.")
@click.option("--stream", is_flag=True, help="Print the response as it arrives.")
@command
def call(mp: Mp, service: str, path: str | None, data: str | None, method: str | None, stream: bool) -> None:
    """Call a service with your ck_ key and print its response.

    For services that speak OpenAI's or Anthropic's protocol the path and `model` are filled in; others are called at
    one of their own operations, which may be left out when there is only one.
    """
    vendor, name, version = split_name(service)
    if not mp.profile.credential.startswith("ck_"):
        raise MpError("Calls need a consumer key (ck_…).", "Make one with `mp keys make` and `mp login --token -`.")
    body = _body(data)
    listing = mp.client.service(vendor, name)
    if listing.protocol in ("openai", "anthropic"):
        target = path or _usual_path(listing)
        body = {"model": f"{vendor}/{name}{version}", **body} if isinstance(body, dict) else body
        body = {**body, "stream": True} if stream and isinstance(body, dict) else body
        verb = method or ("POST" if body is not None else "GET")
    else:
        verb, operation = _operation(listing, path, method, has_body=body is not None)
        target = f"/s/{vendor}/{name}{version}{operation}"
    is_model = listing.protocol in ("openai", "anthropic")
    _send(mp, f"{vendor}/{name}", verb.upper(), target, body, stream=stream, is_model=is_model)


def _send(mp: Mp, service: str, verb: str, target: str, body: Any, *, stream: bool, is_model: bool) -> None:
    import httpx

    from mercato_cli.answers import refused_call
    from mercato_cli.transport import read_all
    from mercato_cli.web import not_an_address, open_client, unreachable

    headers = {"authorization": f"Bearer {mp.profile.credential}", "accept": "text/event-stream" if stream else "*/*"}
    url = mp.gateway
    try:
        with (
            open_client(url, timeout=mp.timeout, base_url=url) as gateway,
            gateway.stream(verb, target, json=body, headers=headers) as response,
        ):
            if response.status_code >= 300:
                raise refused_call(service, response, read_all(response, time.monotonic() + mp.timeout))
            if stream:
                _relay(mp, response)
            else:
                content = read_all(response, time.monotonic() + mp.timeout)
                _print(mp, content, response.headers.get("content-type", ""))
                if is_model:
                    _check_answer(content)
            mp.console.note(f"request {response.headers.get('x-request-id', 'without an id')}")
    except httpx.RequestError as error:
        raise unreachable(url, error, mp.timeout) from None
    except httpx.InvalidURL:
        raise not_an_address(f"{url}{target}") from None


def _relay(mp: Mp, response: "httpx.Response") -> None:
    """Text as it comes, of events only the words, unless machines asked for all of it.

    Raises `MpError` once the stream has ended, where one of its events says that something failed.
    """
    from mercato_cli.events import StreamReader

    reader, ends = StreamReader(), True
    for line in response.iter_lines():
        words = reader.feed(line)
        if mp.console.as_json or not reader.is_events:
            click.echo(line)
        elif words:
            click.echo(clean(words), nl=False)
            sys.stdout.flush()
            ends = words.endswith("\n")
    words = reader.finish()
    if reader.is_events and not mp.console.as_json and (words or not ends or not reader.failure):
        click.echo(clean(words))
    if reader.failure is not None:
        raise _failed(reader.failure)


def _check_answer(content: bytes) -> None:
    """Raises `MpError` where a model's answer with status 200 says that something failed, which is free of charge."""
    from mercato_cli.events import Event, failure_of

    failure = failure_of(Event("", content.decode(errors="replace")))
    if failure is not None:
        raise _failed(failure)


def _failed(reason: str) -> MpError:
    return MpError(
        f"The service failed: {reason}.", "Try again; if it keeps failing, tell its vendor.", Exit.UNREACHABLE
    )


def _print(mp: Mp, content: bytes, media_type: str) -> None:
    if "json" in media_type:
        try:
            parsed = json.loads(content)
        except ValueError:
            raise MpError(
                "The service announced JSON and sent something else.", "Report it to its vendor.", Exit.UNREACHABLE
            ) from None
        _print_json(mp, parsed)
    elif media_type.startswith("text/"):
        mp.console.print(clean(content.decode(errors="replace")))
    else:
        sys.stdout.flush()
        sys.stdout.buffer.write(content)


def _print_json(mp: Mp, answer: Any) -> None:
    from mercato_cli.answers import shortened
    from mercato_cli.console import to_json

    if mp.console.as_json or mp.console.width is None:
        mp.console.print(to_json(answer, sys.stdout, indent=None if mp.console.as_json else 2))
        return
    text, is_cut = shortened(answer)
    mp.console.print(clean(text))
    if is_cut:
        mp.console.note("Long lists are shortened here; --json or a pipe shows them in full.")


def _usual_path(listing: "ServiceView") -> str:
    if listing.protocol == "anthropic":
        return "/v1/messages"
    return _OPENAI_PATHS.get(listing.task, "/v1/chat/completions")


def _operation(listing: "ServiceView", path: str | None, method: str | None, *, has_body: bool) -> tuple[str, str]:
    if path is not None:
        return method or ("POST" if has_body else "GET"), path if path.startswith("/") else f"/{path}"
    name = f"{listing.vendor}/{listing.name}"
    operations = listing.releases[0].operations if listing.releases else []
    fitting = [each for each in operations if has_body == (each.method in ("POST", "PUT", "PATCH"))]
    if len(fitting) == 1 and "{" not in fitting[0].path:
        return method or fitting[0].method, fitting[0].path
    known = ", ".join(f"{each.method} {each.path}" for each in operations[:8]) or "none published"
    raise MpError(f"Which operation of {name}? It has {known}.", f"Name one: `mp call {name} /path --data …`.")


def _body(data: str | None) -> Any:
    if data is None:
        return None
    try:
        text = sys.stdin.read() if data == "-" else Path(data[1:]).read_text() if data.startswith("@") else data
    except (OSError, ValueError) as error:
        raise MpError(f"{data} cannot be read: {error}.", "Name the right file after @.") from None
    try:
        return json.loads(text)
    except ValueError as error:
        raise MpError(f"--data is not JSON: {error}.", 'Quote it: --data \'{"input": "words"}\'.') from None

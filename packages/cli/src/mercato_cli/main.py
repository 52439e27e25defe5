"""The `mp` command."""

import click

from mercato_cli.adjustments import adjustments
from mercato_cli.approvals import approvals
from mercato_cli.billing import invoices, payouts
from mercato_cli.call import call
from mercato_cli.canary import canary
from mercato_cli.completion import completion
from mercato_cli.consensus import consensus
from mercato_cli.credentials import credentials
from mercato_cli.data import data
from mercato_cli.deploy import deploy, rollback, undeploy
from mercato_cli.deployments import deployments, heartbeat, link_infra, register
from mercato_cli.dev import dev
from mercato_cli.disputes import disputes
from mercato_cli.doctor import doctor
from mercato_cli.explain import explain
from mercato_cli.init import init
from mercato_cli.keys import keys
from mercato_cli.kill import kill
from mercato_cli.leaderboard import leaderboard
from mercato_cli.limits import limits
from mercato_cli.login import login, logout, whoami
from mercato_cli.positions import positions
from mercato_cli.publish import publish
from mercato_cli.record import record
from mercato_cli.score import score
from mercato_cli.search import search
from mercato_cli.service_levels import alerts, sla, status
from mercato_cli.services import services
from mercato_cli.signals import signals
from mercato_cli.signup import signup
from mercato_cli.subscribe import subscribe, subscriptions, unsubscribe
from mercato_cli.train import train
from mercato_cli.usage import usage
from mercato_cli.validate import validate
from mercato_cli.webhooks import webhooks


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="mercato-cli")
def main() -> None:
    """Publish, find, subscribe to and call services of a Mercato marketplace.

    Exit codes: 0 done, 1 refused, 2 used wrongly, 3 not logged in, 4 no usable answer, 5 not decided yet, 70 a fault of
    mp, 130 Ctrl-C.
    """


for _command in (
    signup,
    login,
    logout,
    whoami,
    init,
    dev,
    validate,
    publish,
    credentials,
    train,
    deploy,
    rollback,
    undeploy,
    register,
    deployments,
    link_infra,
    heartbeat,
    search,
    services,
    canary,
    subscribe,
    subscriptions,
    unsubscribe,
    call,
    usage,
    disputes,
    keys,
    limits,
    invoices,
    payouts,
    adjustments,
    sla,
    alerts,
    status,
    webhooks,
    data,
    approvals,
    doctor,
    explain,
    completion,
    signals,
    consensus,
    positions,
    score,
    leaderboard,
    kill,
    record,
):
    main.add_command(_command)

if __name__ == "__main__":
    from mercato_cli.entry import main as enter

    enter()

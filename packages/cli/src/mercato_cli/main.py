"""The `mp` command."""

import click

from mercato_cli.commands.adjustments import adjustments
from mercato_cli.commands.analytics import analytics
from mercato_cli.commands.announcements import announcements
from mercato_cli.commands.anomalies import anomalies
from mercato_cli.commands.approvals import approvals
from mercato_cli.commands.audit import audit
from mercato_cli.commands.billing import invoices, payouts
from mercato_cli.commands.call import call
from mercato_cli.commands.calls import call_detail, calls
from mercato_cli.commands.canary import canary
from mercato_cli.commands.change_plan import change_plan
from mercato_cli.commands.completion import completion
from mercato_cli.commands.consensus import consensus
from mercato_cli.commands.credentials import credentials
from mercato_cli.commands.data import data
from mercato_cli.commands.deploy import deploy, rollback, undeploy
from mercato_cli.commands.deployments import deployments, heartbeat, link_infra, register
from mercato_cli.commands.dev import dev
from mercato_cli.commands.disputes import disputes
from mercato_cli.commands.doctor import doctor
from mercato_cli.commands.doubts import doubts
from mercato_cli.commands.estimate import estimate
from mercato_cli.commands.explain import explain
from mercato_cli.commands.feedback import feedback
from mercato_cli.commands.graphql import graphql
from mercato_cli.commands.health import health
from mercato_cli.commands.init import init
from mercato_cli.commands.keys import keys
from mercato_cli.commands.kill import kill
from mercato_cli.commands.leaderboard import leaderboard
from mercato_cli.commands.limits import limits
from mercato_cli.commands.listings import (
    categories,
    compare,
    measured,
    rankings,
    recommend,
    similar,
    suggest,
    trending,
    vendors,
)
from mercato_cli.commands.login import login, logout, whoami
from mercato_cli.commands.organisations import organisations, roles
from mercato_cli.commands.orgs import orgs
from mercato_cli.commands.overview import all_keys, overview, settings
from mercato_cli.commands.password import passkeys, password, prove, second_factor
from mercato_cli.commands.people import people, sessions
from mercato_cli.commands.positions import positions
from mercato_cli.commands.privacy import privacy
from mercato_cli.commands.publish import publish
from mercato_cli.commands.record import record
from mercato_cli.commands.reviews import reviews
from mercato_cli.commands.scim import scim
from mercato_cli.commands.score import score
from mercato_cli.commands.search import search
from mercato_cli.commands.searches import searches
from mercato_cli.commands.service_accounts import service_accounts
from mercato_cli.commands.service_levels import alerts, sla, status
from mercato_cli.commands.services import services
from mercato_cli.commands.signals import signals
from mercato_cli.commands.signup import signup
from mercato_cli.commands.sso import sso
from mercato_cli.commands.statement import balance, statement, unbilled
from mercato_cli.commands.subscribe import subscribe, subscriptions, unsubscribe
from mercato_cli.commands.train import train
from mercato_cli.commands.usage import usage
from mercato_cli.commands.validate import validate
from mercato_cli.commands.view_as import view_as
from mercato_cli.commands.webhooks import webhooks
from mercato_cli.commands.workflows import queues, workflows
from mercato_cli.sections import SectionedGroup


@click.group(cls=SectionedGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="mercato-cli")
def main() -> None:
    """Publish, find, subscribe to and call services of a Mercato marketplace.

    Exit codes: 0 done, 1 refused, 2 used wrongly, 3 not logged in, 4 no usable answer, 5 not decided yet, 70 a fault of
    mp, 130 Ctrl-C. `mp train wait` ends as its run ended: see its help.
    """


SECTIONS: dict[str, tuple[click.Command, ...]] = {
    "Account": (
        signup,
        login,
        logout,
        whoami,
        password,
        second_factor,
        passkeys,
        prove,
        sessions,
        people,
        orgs,
        sso,
        scim,
        roles,
        keys,
        service_accounts,
        limits,
        webhooks,
        audit,
        privacy,
        doctor,
        explain,
        completion,
    ),
    "Vendor": (
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
        canary,
        alerts,
        doubts,
        payouts,
    ),
    "Consumer": (
        search,
        suggest,
        similar,
        compare,
        categories,
        rankings,
        trending,
        recommend,
        reviews,
        searches,
        feedback,
        measured,
        vendors,
        services,
        estimate,
        subscribe,
        subscriptions,
        change_plan,
        unsubscribe,
        call,
        sla,
        status,
        usage,
        anomalies,
        calls,
        call_detail,
        statement,
        balance,
        unbilled,
        invoices,
        adjustments,
        disputes,
    ),
    "Desk": (data, signals, consensus, positions, score, leaderboard),
    "Operator": (
        overview,
        analytics,
        health,
        approvals,
        organisations,
        view_as,
        graphql,
        kill,
        record,
        announcements,
        workflows,
        queues,
        all_keys,
        settings,
    ),
}
"""Every command, under the heading of those who need it most."""

for _title, _commands in SECTIONS.items():
    main.add_section(_title, _commands)

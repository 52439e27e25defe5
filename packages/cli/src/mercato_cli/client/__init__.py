"""A typed client of the control API: one method per route, one file per noun, answers as the contracts' types.

A new route is a method in the file of its noun; a new noun is a file here and a base of `Client`.
"""

from mercato_cli.client.account import AccountCalls
from mercato_cli.client.approvals import ApprovalCalls
from mercato_cli.client.audit import AuditCalls
from mercato_cli.client.billing import BillingCalls
from mercato_cli.client.credentials import CredentialCalls
from mercato_cli.client.datasets import DatasetCalls
from mercato_cli.client.deployments import DeploymentCalls
from mercato_cli.client.desk import DeskCalls
from mercato_cli.client.disputes import DisputeCalls
from mercato_cli.client.governance import GovernanceCalls
from mercato_cli.client.health import HealthCalls
from mercato_cli.client.keys import KeyCalls
from mercato_cli.client.limits import LimitCalls
from mercato_cli.client.listings import ListingCalls
from mercato_cli.client.operator import OperatorCalls
from mercato_cli.client.orgs import OrganisationCalls
from mercato_cli.client.people import PeopleCalls
from mercato_cli.client.privacy import PrivacyCalls
from mercato_cli.client.publishing import PublishingCalls
from mercato_cli.client.reviews import ReviewCalls
from mercato_cli.client.saved_searches import SavedSearchCalls
from mercato_cli.client.scim import ScimCalls
from mercato_cli.client.service_accounts import ServiceAccountCalls
from mercato_cli.client.service_levels import ServiceLevelCalls
from mercato_cli.client.services import ServiceCalls
from mercato_cli.client.signals import SignalCalls
from mercato_cli.client.sso import SsoCalls
from mercato_cli.client.standing import StandingCalls
from mercato_cli.client.subscriptions import SubscriptionCalls
from mercato_cli.client.training import TrainingCalls
from mercato_cli.client.usage import UsageCalls
from mercato_cli.client.view_as import ViewCalls
from mercato_cli.client.webhooks import WebhookCalls

__all__ = ["Client"]


class Client(
    AccountCalls,
    PeopleCalls,
    OrganisationCalls,
    SsoCalls,
    ScimCalls,
    KeyCalls,
    ServiceAccountCalls,
    LimitCalls,
    CredentialCalls,
    PublishingCalls,
    ApprovalCalls,
    ServiceCalls,
    ListingCalls,
    ReviewCalls,
    SavedSearchCalls,
    SubscriptionCalls,
    DatasetCalls,
    GovernanceCalls,
    UsageCalls,
    DisputeCalls,
    DeploymentCalls,
    BillingCalls,
    ServiceLevelCalls,
    WebhookCalls,
    AuditCalls,
    PrivacyCalls,
    StandingCalls,
    ViewCalls,
    HealthCalls,
    OperatorCalls,
    SignalCalls,
    DeskCalls,
    TrainingCalls,
):
    """The control API of a profile's marketplace, as its owner. All parts share one connection (`Transport`)."""

"""The refusals of the desk."""

from mercato.platform import Conflict, Malformed, NotFound, Refusal


class PortfolioInfeasible(Refusal):
    """The limits contradict each other."""

    code = "portfolio_infeasible"
    status = 422
    title = "These limits contradict each other"
    fix = "Loosen one of the limits under `facts.conflict` by what `facts.relax_by` says (billionths of the capital)."


class PortfolioInputUnusable(Refusal):
    """Returns or scores that no market has; nothing can be computed from them."""

    code = "portfolio_input_unusable"
    status = 422
    title = "Nothing can be computed from these figures"
    fix = "Give daily returns as fractions (0.01 is one percent) and scores up to 100; leave out what `detail` names."


class PortfolioNotFound(Refusal):
    """The solver gave up although the limits can hold."""

    code = "portfolio_not_found"
    status = 503
    title = "The solver found no portfolio"
    fix = "Ask again with returns of more days; if it keeps failing, tell the operator."


class SignalTooLarge(Refusal):
    """More signals than one request may carry."""

    code = "signal_too_large"
    status = 413
    title = "Too much at once"
    fix = "Send fewer writes in one batch."


class SignalMalformed(Malformed):
    """Not a signal write: an invalid number, a repeated name, a score outside [-1, 1], an unknown or missing field."""

    code = "signal_malformed"
    title = "Not a signal write"
    fix = "Fix what `detail` names; `mp validate` checks a handler's answers before they are sent."


class SignalDeploymentUnknown(NotFound):
    """The caller may not act for this deployment. Whether it exists is not revealed."""

    code = "signal_deployment_unknown"
    title = "No deployment of yours"
    fix = "`mp deployments list` shows yours; a deployment's own token speaks for that one alone."


class SignalRoundUnknown(NotFound):
    """There is no such round."""

    code = "signal_round_unknown"
    title = "No such round"
    fix = "`mp data list` shows the rounds that are open."


class SignalLate(Conflict):
    """The round accepts no more signals."""

    code = "signal_late"
    title = "The round is closed"
    fix = "Write before `closes_at` of the next round; what was written in time counts."


class SignalEraWrong(Refusal):
    """The round has no such era."""

    code = "signal_era_wrong"
    status = 422
    title = "Not an era of this round"
    fix = "Score the eras of the round's `live.parquet`."


class SignalIdsWrong(Refusal):
    """Ids are missing, or do not belong to this era."""

    code = "signal_ids_wrong"
    status = 422
    title = "Not the ids of this era"
    fix = "Give one score for each id of the era in the round's `live.parquet`; ids differ from era to era."


class SignalFromTheFuture(Refusal):
    """`created_at` is in the future."""

    code = "signal_from_the_future"
    status = 422
    title = "Created in the future"
    fix = "Set the clock by NTP."


class EntryNotFound(NotFound):
    """There is no such entry in the log."""

    code = "signal_entry_not_found"
    title = "No such entry"
    fix = "Take the id from the receipt; `mp signals list` shows yours."


class NotSealedYet(Conflict):
    """The entry is newer than the last signed state of the log."""

    code = "signal_not_sealed_yet"
    title = "Not sealed yet"
    fix = "Ask again after the next full hour's seal."


class HeadNotFound(NotFound):
    """There is no such state of the log."""

    code = "signal_head_not_found"
    title = "No such sealed state"
    fix = "`GET /api/signals/heads` lists them."


class LogDamaged(Refusal):
    """The log differs from what was signed: somebody altered it."""

    code = "signal_log_damaged"
    status = 500
    title = "The log was altered"
    fix = "Tell the operator: restore the database from a backup and find out who wrote to it."


class SignalNotFinite(SignalMalformed):
    """A deployment signed NaN or an infinity: it is faulty, and was taken out of routing and the consensus."""

    code = "signal_not_finite"
    title = "A score that is not a number"
    fix = "Fix the model, then ask the operator to lift the kill switch."
    keeps_changes = True


class RecordDamaged(Refusal):
    """The desk's record differs from what was written."""

    code = "desk_record_damaged"
    status = 500
    title = "The record was altered"
    fix = "Tell the operator: restore the database from a backup and find out who wrote to it."


class KillSwitchNotFound(NotFound):
    """There is no such switch."""

    code = "kill_switch_not_found"
    title = "No such kill switch"
    fix = "`mp kill list` shows them."


class KillTargetUnknown(NotFound):
    """The target of a switch does not exist."""

    code = "kill_target_unknown"
    title = "Nothing to switch off"
    fix = "Name a deployment's id, a vendor, or the whole desk."


class ScoresNotFound(NotFound):
    """The round has not been scored."""

    code = "scores_not_found"
    title = "Not scored yet"
    fix = "A round is scored within a minute after it has closed; `mp data list` shows its state."


class ScoresUnderEmbargo(Conflict):
    """The inputs of the scores contain the round's targets, which are under embargo."""

    code = "score_inputs_under_embargo"
    title = "Under embargo"
    fix = "Ask again once the round is resolved; `mp data info` shows when."


class BacktestMalformed(Refusal):
    """A claim that no series of rank ICs could have."""

    code = "backtest_malformed"
    status = 422
    title = "Not a backtest"
    fix = "Claim the mean and the standard deviation of rank ICs by era, over at least 20 eras."

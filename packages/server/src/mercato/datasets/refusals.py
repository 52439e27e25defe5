"""The refusals of datasets."""

from mercato.platform import Conflict, Malformed, NotFound, Refusal


class SourcesDisagree(Refusal):
    """Two packages that ship the same prices disagree; no panel is built from either."""

    code = "data_sources_disagree"
    status = 500
    title = "The sources of prices disagree"
    fix = "Install the versions that `requirements.lock` names."


class DatasetNotFound(NotFound):
    """There is no such dataset, or it is private to another organisation."""

    code = "dataset_not_found"
    title = "No such dataset"
    fix = "`GET /api/datasets` (`mp data list`) lists those that you may use."


class DatasetExists(Conflict):
    """The readers of a dataset are fixed when it is created."""

    code = "dataset_exists"
    title = "The dataset exists, for other readers"
    fix = "Choose another name, or leave `organisation` out to rebuild its panel."


class RoundNotFound(NotFound):
    """There is no such round, or its dataset is private to another organisation."""

    code = "round_not_found"
    title = "No such round"
    fix = "`GET /api/datasets/{name}/rounds` (`mp data list DATASET`) lists the rounds."


class NoRoundOpen(NotFound):
    """The dataset has no open round just now."""

    code = "no_round_open"
    title = "No round is open"
    fix = "Wait until the operator opens one, or name an earlier round."


class DataFileNotFound(NotFound):
    """The round has no file of this name."""

    code = "data_file_not_found"
    title = "The round has no such file"
    fix = "A round has `train.parquet`, `live.parquet` and, once it is resolved, `targets.parquet`."


class TargetsUnderEmbargo(Conflict):
    """Targets are handed out once the round is resolved."""

    code = "targets_under_embargo"
    title = "The targets are under embargo"
    fix = "Ask again when the round is resolved; `mp data info` shows from when on that may happen."


class RoundInWrongState(Conflict):
    """The round is not in the state that this step requires."""

    code = "round_in_wrong_state"
    title = "The round is in another state"
    fix = "Look at the round (`mp data info`); a round goes open, closed, scored, resolved, and never back."


class EmbargoNotOver(Conflict):
    """A round is resolved after its embargo only."""

    code = "embargo_not_over"
    title = "The embargo is not over"
    fix = "Resolve the round at the time that it shows as the end of its embargo, or later."


class RoundOpenAlready(Conflict):
    """One round of a dataset is open at a time."""

    code = "round_open_already"
    title = "A round of this dataset is open"
    fix = "Close it first."


class ErasNotOffered(Malformed):
    """The panel has no such eras, or not enough days after them to know their targets."""

    code = "eras_not_offered"
    title = "These eras cannot make a round"
    fix = "Choose eras after those of earlier rounds, and early enough that the panel knows what came after them."


class PanelMissing(Conflict):
    """The dataset's panel has not been built."""

    code = "panel_missing"
    title = "The panel has not been built"
    fix = "An operator runs `mercato data build`."


class PanelDamaged(Refusal):
    """The stored panel does not match its checksum."""

    code = "panel_damaged"
    status = 500
    title = "The stored panel is damaged"
    fix = "Restore the object store from a backup, or build the panel again."


class ScoresDiffer(Conflict):
    """The round was scored before, with another result."""

    code = "round_scored_differently"
    title = "The round was scored with another result"
    fix = "Scores of a round are final; compare the two results before anything else."

"""Panels and the files of rounds as Parquet. The same content gives the same bytes, so a checksum names it.

Needs the desk's libraries; imported by the use cases when they are called (`desk_libraries`).
"""

import io
import json
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from mercato.datasets.panel import Horizon, Panel

_FORMAT = "mercato-panel/1"
_ROWS_A_GROUP = 64 * 1024


def write_panel(panel: Panel) -> bytes:
    """Write the whole panel, including names: for the marketplace only. Rows are ordered by era, then ticker."""
    eras, names = panel.eras, len(panel.tickers)
    columns: dict[str, Any] = {
        "era": pa.array(np.repeat(np.arange(1, eras + 1, dtype=np.int32), names)),
        "day": pa.array(np.repeat(np.array(panel.days, dtype="datetime64[D]"), names)),
        "ticker": pa.array(list(panel.tickers) * eras),
        "id": pa.array(panel.ids.reshape(-1).tolist()),
        "close": pa.array(panel.closes.reshape(-1)),
        "index": pa.array(np.repeat(panel.index, names)),
    }
    columns |= {
        name: pa.array(values.reshape(-1)) for name, values in zip(panel.feature_names, panel.features, strict=True)
    }
    header = {"format": _FORMAT, "horizon_days": panel.horizon.days, "lag_days": panel.horizon.lag}
    return _write(pa.table(columns), header)


def read_panel(content: bytes) -> Panel:
    """The panel that `write_panel` wrote. Raises `ValueError` for anything else."""
    try:
        table = pq.read_table(io.BytesIO(content))
        header = json.loads((table.schema.metadata or {})[b"mercato"])
    except (pa.ArrowException, KeyError, ValueError) as error:
        raise ValueError(f"not a panel: {type(error).__name__}") from None
    if header.get("format") != _FORMAT:
        raise ValueError(f"a panel of another format: {header.get('format')}")
    tickers = tuple(dict.fromkeys(table["ticker"].to_pylist()))
    shape = (table.num_rows // len(tickers), len(tickers))
    features = [name for name in table.column_names if name.startswith("feature_")]
    return Panel(
        days=tuple(table["day"].to_numpy().reshape(shape)[:, 0].astype("datetime64[D]").tolist()),
        tickers=tickers,
        ids=np.array(table["id"].to_pylist()).reshape(shape),
        feature_names=tuple(features),
        features=np.stack([table[name].to_numpy().reshape(shape) for name in features]),
        closes=table["close"].to_numpy().reshape(shape),
        index=table["index"].to_numpy().reshape(shape)[:, 0],
        horizon=Horizon(header["horizon_days"], header["lag_days"]),
    )


def write_rows(panel: Panel, first_era: int, last_era: int, *, features: bool, target: bool) -> tuple[bytes, int]:
    """A file for vendors and how many rows it has: era (int32), id (string), feature_… and target (float32).

    Rows are ordered by era, then id, so their order reveals no name.
    """
    eras = np.arange(first_era, last_era + 1, dtype=np.int32)
    ids = panel.ids[first_era - 1 : last_era]
    order = np.argsort(ids, axis=1, kind="stable")

    def column(values: Any) -> Any:
        part = np.take_along_axis(values[first_era - 1 : last_era], order, axis=1)
        return pa.array(part.reshape(-1).astype(np.float32))

    columns: dict[str, Any] = {
        "era": pa.array(np.repeat(eras, len(panel.tickers))),
        "id": pa.array(np.take_along_axis(ids, order, axis=1).reshape(-1).tolist()),
    }
    if features:
        columns |= {name: column(panel.features[at]) for at, name in enumerate(panel.feature_names)}
    if target:
        columns["target"] = column(panel.targets)
    table = pa.table(columns)
    return _write(table, None), table.num_rows


def _write(table: Any, header: dict[str, Any] | None) -> bytes:
    metadata = None if header is None else {b"mercato": json.dumps(header, sort_keys=True).encode()}
    out = io.BytesIO()
    pq.write_table(
        table.replace_schema_metadata(metadata), out, compression="zstd", compression_level=9,
        row_group_size=_ROWS_A_GROUP, version="2.6", use_dictionary=True,
    )  # fmt: skip
    return out.getvalue()

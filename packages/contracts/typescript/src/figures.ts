// Written by `mercato-contracts typescript` from the JSON Schemas; change the contracts, not this file.

/** Figures of usage and money under `/api`: series, calls, statements, estimates. Money is in whole nano-units. */

/**
 * One day, UTC: calls that stand in the ledger and nano-units by currency, as the sums of usage, its events and the
 * ledger's postings say. For an organisation these are its own; `differences` name what disagrees.
 */
export interface FiguresAgreement {
  /** (format: "date") */
  day: string;
  /** (format: "date-time") */
  checked_at: string;
  agrees: boolean;
  event_calls: number | null;
  rollup_calls: number | null;
  posted_calls: number | null;
  event_nanos: Record<string, number> | null;
  rollup_nanos: Record<string, number> | null;
  posted_nanos: Record<string, number> | null;
  differences: Array<FiguresDifference>;
}

/** The newest day first; ask on with `before` set to `next`. */
export interface FiguresAgreementPage {
  items: Array<FiguresAgreement>;
  next: string | null;
}

/** A consumer, vendor, service and currency on which the three disagree. */
export interface FiguresDifference {
  consumer_id: string;
  vendor_id: string;
  service_id: string;
  currency: string;
  event_calls: number;
  rollup_calls: number;
  posted_calls: number;
  event_nanos: number;
  rollup_nanos: number;
  posted_nanos: number;
}

/**
 * Figures over time. `steps` are the starts of the steps; the last one ends at `until`.
 *
 * `series` are the largest groups by the first metric, each in one currency; `groups` is how many there are, and
 * `totals` hold those left out too. Averages and quantiles are of their own calls: they do not add up.
 */
export interface SeriesAnswer {
  side: "consumer" | "vendor" | "marketplace";
  zone: string;
  step: "15m" | "hour" | "day" | "week" | "month";
  /** (format: "date-time") */
  since: string;
  /** (format: "date-time") */
  until: string;
  group_by: Array<"service" | "release" | "operation" | "key" | "subscription" | "consumer" | "vendor" | "status" | "protocol">;
  metrics: Array<"calls" | "billed" | "failed" | "tokens_in" | "tokens_out" | "tokens_cached" | "bytes_in" | "bytes_out" | "duration_us" | "included" | "price_nanos" | "unpaid_nanos" | "adjusted_nanos" | "charged_nanos" | "error_rate_bp" | "mean_us" | "p50_us" | "p95_us" | "p99_us">;
  steps: Array<string>;
  series: Array<SeriesLine>;
  totals: Array<SeriesLine>;
  groups: number;
  forecast: Array<SeriesForecast>;
}

/**
 * What the period comes to in one currency: what was used so far, and the range that the weeks before give.
 *
 * `method`: `same_weekdays` of up to four weeks before, `run_rate` where the usage is younger than a week, `none`
 * where the period is over. `weeks` is how many were read. The figures are the sums behind the metrics asked for:
 * `charged_nanos` is `price_nanos` and `adjusted_nanos`.
 */
export interface SeriesForecast {
  currency: string;
  method: "same_weekdays" | "run_rate" | "none";
  weeks: number;
  so_far: Record<string, number>;
  expected: Record<string, number>;
  low: Record<string, number>;
  high: Record<string, number>;
}

/**
 * One series: a figure for each step by metric, and for the whole period. `before` is of the period before.
 *
 * `keys` are the values of the groups in their order, `names` what people call them; both are empty in totals.
 */
export interface SeriesLine {
  keys: Array<string>;
  names: Array<string>;
  currency: string;
  values: Record<string, Array<number>>;
  total: Record<string, number>;
  before: Record<string, Array<number>> | null;
  before_total: Record<string, number> | null;
}

/** The newest first; ask on with `before` set to `next`. */
export interface UsageAnomalyPage {
  items: Array<UsageAnomalyView>;
  next: string | null;
}

/**
 * An hour that was unusual for its `scope`, beside the same hour of the weeks before; `sentence` says why.
 *
 * `score_percent` is the distance from `usual` in hundredths of the usual scatter. `normal_since` is when somebody
 * said that this is normal.
 */
export interface UsageAnomalyView {
  id: string;
  scope: "consumer" | "service" | "market";
  scope_id: string;
  name: string;
  /** (format: "date-time") */
  hour: string;
  metric: "calls" | "failed" | "tokens";
  kind: "more" | "less";
  value: number;
  usual: number;
  weeks: number;
  score_percent: number;
  sentence: string;
  /** (format: "date-time") */
  found_at: string;
  normal_since: string | null;
  normal_by: string | null;
}


// Written by `mercato-contracts typescript` from the JSON Schemas; change the contracts, not this file.

/** Figures of usage and money under `/api`: series, calls, statements, estimates. Money is in whole nano-units. */

/**
 * One day, UTC: calls that stand in the ledger and nano-units by currency, as the sums of usage, its events and the
 * ledger's postings say. For an organisation these are its own; `differences` name what disagrees.
 */
export interface FiguresAgreement {
  /** The day, UTC (format: "date") */
  day: string;
  /** When it was last compared, UTC (format: "date-time") */
  checked_at: string;
  /** Whether all three agree */
  agrees: boolean;
  /** Calls that the usage events count; null where that is not yours to see */
  event_calls: number | null;
  /** Calls that the sums of usage count; null where that is not yours to see */
  rollup_calls: number | null;
  /** Calls that the ledger's postings count; null where that is not yours to see */
  posted_calls: number | null;
  /** The price of the usage events by currency, in nano-units */
  event_nanos: Record<string, number> | null;
  /** The price in the sums of usage by currency, in nano-units */
  rollup_nanos: Record<string, number> | null;
  /** The amount of the ledger's postings by currency, in nano-units */
  posted_nanos: Record<string, number> | null;
  /** What disagrees; empty when all agree */
  differences: Array<FiguresDifference>;
}

/** The newest day first; ask on with `before` set to `next`. */
export interface FiguresAgreementPage {
  /** The days of this page, newest first */
  items: Array<FiguresAgreement>;
  /** Pass it as `before` for the next page; null on the last page */
  next: string | null;
}

/** A consumer, vendor, service and currency on which the three disagree. */
export interface FiguresDifference {
  /** The id of the organisation that calls and pays, `org_…` */
  consumer_id: string;
  /** The id of the organisation that offers the service, `org_…` */
  vendor_id: string;
  /** The service's id, `svc_…` */
  service_id: string;
  /** The currency of the amounts: an ISO 4217 code, such as `USD` */
  currency: string;
  /** Calls that the usage events count */
  event_calls: number;
  /** Calls that the sums of usage count */
  rollup_calls: number;
  /** Calls that the ledger's postings count */
  posted_calls: number;
  /** The price of the usage events, in nano-units */
  event_nanos: number;
  /** The price in the sums of usage, in nano-units */
  rollup_nanos: number;
  /** The amount of the ledger's postings, in nano-units */
  posted_nanos: number;
}

/**
 * Figures over time. `steps` are the starts of the steps; the last one ends at `until`.
 *
 * `series` are the largest groups by the first metric, each in one currency; `groups` is how many there are, and
 * `totals` hold those left out too. Averages and quantiles are of their own calls: they do not add up.
 */
export interface SeriesAnswer {
  /** From whose side it is counted */
  side: "consumer" | "vendor" | "marketplace";
  /** The IANA time zone of the steps */
  zone: string;
  /** The length of a step */
  step: "15m" | "hour" | "day" | "week" | "month";
  /** The start of the period, inclusive (format: "date-time") */
  since: string;
  /** The end of the period, exclusive (format: "date-time") */
  until: string;
  /** What the series are split by */
  group_by: Array<"service" | "release" | "operation" | "key" | "subscription" | "consumer" | "vendor" | "status" | "protocol">;
  /** The metrics that were asked for */
  metrics: Array<"calls" | "billed" | "failed" | "tokens_in" | "tokens_out" | "tokens_cached" | "bytes_in" | "bytes_out" | "duration_us" | "included" | "price_nanos" | "unpaid_nanos" | "adjusted_nanos" | "charged_nanos" | "error_rate_bp" | "mean_us" | "p50_us" | "p95_us" | "p99_us">;
  /** The starts of the steps */
  steps: Array<string>;
  /** The largest groups by the first metric, each in one currency */
  series: Array<SeriesLine>;
  /** The figures of all groups, one line for each currency */
  totals: Array<SeriesLine>;
  /** How many groups there are */
  groups: number;
  /** What the period comes to, one for each currency; empty unless asked for */
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
  /** The currency of the amounts: an ISO 4217 code, such as `USD` */
  currency: string;
  /** How it was computed */
  method: "same_weekdays" | "run_rate" | "none";
  /** How many earlier weeks were read, 0 to 4 */
  weeks: number;
  /** By metric, what was used so far */
  so_far: Record<string, number>;
  /** By metric, what the whole period comes to */
  expected: Record<string, number>;
  /** By metric, the low end of the range */
  low: Record<string, number>;
  /** By metric, the high end of the range */
  high: Record<string, number>;
}

/**
 * One series: a figure for each step by metric, and for the whole period. `before` is of the period before.
 *
 * `keys` are the values of the groups in their order, `names` what people call them; both are empty in totals.
 */
export interface SeriesLine {
  /** The values of the groups, in the order of `group_by`; empty in totals */
  keys: Array<string>;
  /** What people call those values; empty in totals */
  names: Array<string>;
  /** The currency of the amounts: an ISO 4217 code, such as `USD` */
  currency: string;
  /** By metric, one figure for each step */
  values: Record<string, Array<number>>;
  /** By metric, the figure of the whole period */
  total: Record<string, number>;
  /** By metric, one figure for each step of the period before; null unless asked for */
  before: Record<string, Array<number>> | null;
  /** By metric, the figure of the whole period before; null unless asked for */
  before_total: Record<string, number> | null;
}

/** The newest first; ask on with `before` set to `next`. */
export interface UsageAnomalyPage {
  /** The anomalies of this page, newest first */
  items: Array<UsageAnomalyView>;
  /** Pass it as `before` for the next page; null on the last page */
  next: string | null;
}

/**
 * An hour that was unusual for its `scope`, beside the same hour of the weeks before; `sentence` says why.
 *
 * `score_percent` is the distance from `usual` in hundredths of the usual scatter. `normal_since` is when somebody
 * said that this is normal.
 */
export interface UsageAnomalyView {
  /** The anomaly's id, `ano_…` */
  id: string;
  /** Whose usage: a consumer's, a service's or the whole marketplace's */
  scope: "consumer" | "service" | "market";
  /** The id of the consumer or service; empty for the marketplace */
  scope_id: string;
  /** What people call it */
  name: string;
  /** The start of the hour, UTC (format: "date-time") */
  hour: string;
  /** What was unusual */
  metric: "calls" | "failed" | "tokens";
  /** Whether it was more or less than usual */
  kind: "more" | "less";
  /** What the hour had */
  value: number;
  /** The median of the same hour of the weeks before */
  usual: number;
  /** How many earlier weeks were read */
  weeks: number;
  /** The distance from `usual` in hundredths of the usual scatter */
  score_percent: number;
  /** What is unusual, in one sentence */
  sentence: string;
  /** When it was found, UTC (format: "date-time") */
  found_at: string;
  /** When somebody marked it as normal, UTC; null: nobody did */
  normal_since: string | null;
  /** The id of that person; null: nobody did */
  normal_by: string | null;
}


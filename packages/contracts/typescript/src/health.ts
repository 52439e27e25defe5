// Written by `mercato-contracts typescript` from the JSON Schemas; change the contracts, not this file.

/** How the marketplace's own services are doing, as the probes found them. */

/** One figure of a service: how much waits, how old it is, how much room is left. */
export interface GaugeView {
  /** What is measured */
  name: string;
  /** The figure, in `unit` */
  value: number;
  /** The figure's unit */
  unit: "count" | "seconds" | "bytes" | "milliseconds";
  /** When it was read, UTC (format: "date-time") */
  at: string;
  /** Whether it was read more than 90 seconds ago */
  stale: boolean;
}

/** The newest first. */
export interface HealthChangePage {
  /** The changes of this page, newest first */
  items: Array<HealthChangeView>;
  /** The cursor of the next page; null on the last page */
  next: string | null;
}

/** A service went down or came back. */
export interface HealthChangeView {
  /** The change's id, `hch_…` */
  id: string;
  /** The service's name */
  service: string;
  /** The state before */
  before: "up" | "down" | "unknown";
  /** The state since then */
  state: "up" | "down" | "unknown";
  /** Why it is not up; empty when it is */
  detail: string;
  /** When it changed, UTC (format: "date-time") */
  at: string;
}

/** The spans of one service in which it was probed, the oldest first. */
export interface HealthHistory {
  /** The service's name */
  service: string;
  /** The length of a span */
  step: "quarter" | "hour" | "day";
  /** The spans with probes, oldest first */
  spans: Array<HealthSpan>;
}

/** The probes of one span of time. */
export interface HealthSpan {
  /** The start of the span, UTC (format: "date-time") */
  start: string;
  /** How many probes were made */
  probes: number;
  /** How many of them failed */
  failed: number;
  /** The mean of the probes that were answered */
  latency_ms: number | null;
  /** The slowest answered probe, in milliseconds; null without one */
  latency_max_ms: number | null;
}

/** Every service; `state` is the worst of them. */
export interface HealthView {
  /** The worst state of all services */
  state: "up" | "down" | "unknown";
  /** When this was read, UTC (format: "date-time") */
  at: string;
  /** Every service of the marketplace itself */
  services: Array<ServiceHealthView>;
}

/** One service. It is `down` where two of the last three probes failed. */
export interface ServiceHealthView {
  /** The service's name, such as `worker` */
  name: string;
  /** Whether it is up */
  state: "up" | "down" | "unknown";
  /** Since when it is in this state */
  since: string | null;
  /** When it was last probed, UTC; null: never */
  probed_at: string | null;
  /** The process that probes it, which is another one */
  probed_by: string;
  /** Milliseconds that the last probe took; null where it was not answered */
  latency_ms: number | null;
  /** The version that it runs */
  version: string;
  /** Why it is not up */
  detail: string;
  /** Its figures */
  gauges: Array<GaugeView>;
}


// Written by `mercato-contracts typescript` from the JSON Schemas; change the contracts, not this file.

/** How the marketplace's own services are doing, as the probes found them. */

/** One figure of a service: how much waits, how old it is, how much room is left. */
export interface GaugeView {
  name: string;
  value: number;
  unit: "count" | "seconds" | "bytes" | "milliseconds";
  /** (format: "date-time") */
  at: string;
  /** Whether it was read more than 90 seconds ago */
  stale: boolean;
}

/** The newest first. */
export interface HealthChangePage {
  items: Array<HealthChangeView>;
  next: string | null;
}

/** A service went down or came back. */
export interface HealthChangeView {
  id: string;
  service: string;
  before: "up" | "down" | "unknown";
  state: "up" | "down" | "unknown";
  detail: string;
  /** (format: "date-time") */
  at: string;
}

/** The spans of one service in which it was probed, the oldest first. */
export interface HealthHistory {
  service: string;
  step: "quarter" | "hour" | "day";
  spans: Array<HealthSpan>;
}

/** The probes of one span of time. */
export interface HealthSpan {
  /** (format: "date-time") */
  start: string;
  probes: number;
  failed: number;
  /** The mean of the probes that were answered */
  latency_ms: number | null;
  latency_max_ms: number | null;
}

/** Every service; `state` is the worst of them. */
export interface HealthView {
  state: "up" | "down" | "unknown";
  /** (format: "date-time") */
  at: string;
  services: Array<ServiceHealthView>;
}

/** One service. It is `down` where two of the last three probes failed. */
export interface ServiceHealthView {
  name: string;
  state: "up" | "down" | "unknown";
  /** Since when it is in this state */
  since: string | null;
  probed_at: string | null;
  /** The process that probes it, which is another one */
  probed_by: string;
  latency_ms: number | null;
  version: string;
  /** Why it is not up */
  detail: string;
  gauges: Array<GaugeView>;
}


// Written by `mercato-contracts typescript` from the JSON Schemas; change the contracts, not this file.

/**
 * What events on the operator's bus say: the `data` of CloudEvents, one class a type.
 *
 * A type is only ever extended by fields that a reader may miss; anything else is a new type.
 */

/** A person approved or rejected a submission. */
export interface ApprovalDecided {
  /** The submission */
  submission_id: string;
}

/** A release was deprecated. */
export interface ServiceDeprecated {
  /** The service */
  service_id: string;
  /** The release that should no longer be chosen */
  release_id: string;
}

/** A service has a new release. */
export interface ServicePublished {
  /** The service */
  service_id: string;
  /** The new release */
  release_id: string;
}

/** A vendor submitted a manifest. */
export interface ServiceSubmitted {
  /** The submission */
  submission_id: string;
}

/** A service misses what its vendor promised. */
export interface SlaBreached {
  /** The alert */
  alert_id: string;
  /** The service */
  service_id: string;
  /** The organisation that offers it */
  vendor_id: string;
  /** What was promised: `availability` or `latency` */
  objective: string;
  /** How quickly the error budget is used up: `fast` or `slow` */
  severity: string;
}

/** A subscription began, was cancelled or was taken up again. */
export interface SubscriptionChanged {
  /** The subscription */
  subscription_id: string;
  /** The consumer's organisation */
  organisation_id: string;
  /** The service that it is for */
  service_id: string;
}

/** One metered call, as it stands in the ledger: prices are the control plane's own. */
export interface UsageRecorded {
  /** The id that the caller was answered with */
  request_id: string;
  /** When the gateway began to handle the call (format: "date-time") */
  called_at: string;
  /** The organisation that called */
  consumer_id: string;
  /** The organisation that offers the service */
  vendor_id: string;
  /** The service that answered */
  service_id: string;
  /** Its release */
  release_id: string;
  /** The subscription that the call was made under */
  subscription_id: string;
  /** What was asked, such as `chat` */
  operation: string;
  /** The HTTP status of the answer */
  status: number;
  /** Whether the answer was a stream */
  streamed: boolean;
  /** Tokens of the request */
  tokens_in: number;
  /** Tokens of the answer */
  tokens_out: number;
  /** Of `tokens_in`, those read from a cache */
  tokens_cached: number;
  /** From the request's first byte to the answer's last, in microseconds */
  duration_us: number;
  /** What the consumer pays, in billionths of the currency */
  price_nanos: number;
  /** The currency's ISO 4217 code */
  currency: string;
}


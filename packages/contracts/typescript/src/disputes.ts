// Written by `mercato-contracts typescript` from the JSON Schemas; change the contracts, not this file.

/** Disputes of single calls: what a consumer objects to, what the vendor answers, how it ends. */

/** The newest dispute of a call. */
export interface CallDisputeView {
  /** The dispute's id, `dsp_…` */
  id: string;
  /** `open`, or how it ended */
  state: "open" | "agreed" | "upheld" | "rejected" | "withdrawn";
}

/** The vendor's answer. Sent again while the dispute is open, it replaces the one before. */
export interface DisputeAnswerRequest {
  /** The answer, 3 to 2,000 characters; the consumer and the operator read it (minLength: 3, maxLength: 2000) */
  words: string;
  /** Also credit all that the call is still charged, which closes the dispute (default: false) */
  give_back?: boolean;
}

/** An operator's decision, which is final. */
export interface DisputeDecision {
  /** `upheld` credits all that the call is still charged; `rejected` leaves the charge */
  verdict: "upheld" | "rejected";
  /** Why, 3 to 500 characters; both sides read it (minLength: 3, maxLength: 500) */
  reason: string;
}

/** The newest first; ask on with `before` set to `next`. */
export interface DisputePage {
  /** The disputes of this page, newest first */
  items: Array<DisputeView>;
  /** The cursor of the next page; null on the last page */
  next: string | null;
}

/** Why the charge of a call is disputed. The vendor and the operator read it. */
export interface DisputeRequest {
  /** What is wrong: no usable answer came, tokens or calls are counted wrong, the price is wrong, the call is not the organisation's own, or something else */
  kind: "no_usable_answer" | "wrong_count" | "wrong_price" | "not_our_call" | "other";
  /** What happened, 3 to 2,000 characters; the vendor and the operator read it (minLength: 3, maxLength: 2000) */
  words: string;
}

/** A dispute of one call. `returned_nanos` is zero where nothing was given back. */
export interface DisputeView {
  /** The dispute's id, `dsp_…` */
  id: string;
  /** The call's id, `use_…` */
  call_id: string;
  /** The id of the organisation that calls and pays, `org_…` */
  consumer_id: string;
  /** The consumer's short name */
  consumer: string;
  /** The id of the organisation that offers the service, `org_…` */
  vendor_id: string;
  /** The vendor's short name, as in `vendor/name` */
  vendor: string;
  /** The service's id, `svc_…` */
  service_id: string;
  /** The service, `vendor/name` */
  service: string;
  /** What is wrong: no usable answer came, tokens or calls are counted wrong, the price is wrong, the call is not the organisation's own, or something else */
  kind: "no_usable_answer" | "wrong_count" | "wrong_price" | "not_our_call" | "other";
  /** What the consumer says happened */
  words: string;
  /** What the call stood at when it was disputed, in nano-units */
  disputed_nanos: number;
  /** The currency of the amounts: an ISO 4217 code, such as `USD` */
  currency: string;
  /** When it was opened, UTC (format: "date-time") */
  opened_at: string;
  /** `open`, or how it ended: the vendor `agreed`, an operator `upheld` or `rejected` it, or it was `withdrawn` */
  state: "open" | "agreed" | "upheld" | "rejected" | "withdrawn";
  /** The vendor's answer; null: none */
  answer: string | null;
  /** When the vendor last answered, UTC */
  answered_at: string | null;
  /** Why an operator decided so; null where none did */
  reason: string | null;
  /** When it ended, UTC; null while it is open */
  closed_at: string | null;
  /** What was given back, in nano-units */
  returned_nanos: number;
  /** The adjustment that gave it back, `adj_…`; null: none did */
  adjustment_id: string | null;
}


// Written by `mercato-contracts typescript` from the JSON Schemas; change the contracts, not this file.

/** The shape of a refusal: RFC 9457 `application/problem+json`, with a stable code and what to do next. */

/** One thing wrong with the request, and where: `field` is a path such as `plans.0.price.per_call`. */
export interface FieldError {
  /** The path of the field, such as `plans.0.price.per_call` */
  field: string;
  /** A stable code for what is wrong */
  code: string;
  /** What is wrong, in one sentence */
  message: string;
}

/** A refusal. `code` never changes its meaning; `detail` is one sentence that a person can act on. */
export interface Problem {
  /** `urn:mercato:problem:` and the code */
  type: string;
  /** What the code means, in a few words */
  title: string;
  /** The HTTP status */
  status: number;
  /** The stable code */
  code: string;
  /** What is wrong, in one sentence */
  detail: string;
  /** What to do next (default: "") */
  fix?: string;
  /** What is wrong with single fields; empty where it is not about fields (default: []) */
  errors?: Array<FieldError>;
  /** What a program needs to know of it, by name (default: {}) */
  facts?: Record<string, unknown>;
  /** The id of the request, `req_…`, as it stands in the logs */
  request_id?: string | null;
  [other: string]: unknown;
}


// Written by `mercato-contracts typescript` from the JSON Schemas; change the contracts, not this file.

/** The shape of a refusal: RFC 9457 `application/problem+json`, with a stable code and what to do next. */

/** One thing wrong with the request, and where: `field` is a path such as `plans.0.price.per_call`. */
export interface FieldError {
  field: string;
  code: string;
  message: string;
}

/** A refusal. `code` never changes its meaning; `detail` is one sentence that a person can act on. */
export interface Problem {
  /** `urn:mercato:problem:` and the code */
  type: string;
  title: string;
  status: number;
  code: string;
  detail: string;
  /** What to do next (default: "") */
  fix?: string;
  /** (default: []) */
  errors?: Array<FieldError>;
  /** (default: {}) */
  facts?: Record<string, unknown>;
  request_id?: string | null;
  [other: string]: unknown;
}


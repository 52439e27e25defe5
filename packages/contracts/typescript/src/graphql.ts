// Written by `mercato-contracts typescript` from the JSON Schemas; change the contracts, not this file.

/** What GraphQL is asked with, and what it answers. */

/** What was asked for, and what was refused of it. */
export interface GraphqlAnswer {
  /** What was asked for; null when the document was refused */
  data: Record<string, unknown> | null;
  /** What was refused; left out when nothing was */
  errors?: Array<GraphqlError> | null;
}

/** A refusal: `extensions` has its stable `code`, its `status` and what to do. */
export interface GraphqlError {
  /** What is wrong, in one sentence */
  message: string;
  /** Where in the answer; null where it concerns the whole document */
  path?: Array<string | number> | null;
  /** Where in the document: `line` and `column`, from 1 */
  locations?: Array<Record<string, number>> | null;
  /** The stable `code`, the HTTP `status`, and what to do next */
  extensions: Record<string, unknown>;
}

/** A document, and the values of its variables. */
export interface GraphqlRequest {
  /** The document, 1 to 20,000 characters (minLength: 1, maxLength: 20000) */
  query: string;
  /** The values of its variables */
  variables?: Record<string, unknown> | null;
  /** Which operation of the document, where it has several */
  operationName?: string | null;
  /** Not looked at; clients send it. */
  extensions?: Record<string, unknown> | null;
}


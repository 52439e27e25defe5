// Written by `mercato-contracts typescript` from the JSON Schemas; change the contracts, not this file.

/** What a marketplace says of itself to anybody. */

/** Where the gateway is: at `gateway_url`, or without one at `gateway_port` of the host of the control API. */
export interface MarketplaceView {
  /** The gateway's base URL; null: on the host of the control API */
  gateway_url: string | null;
  /** The gateway's port on that host (minimum: 1, maximum: 65535) */
  gateway_port: number;
}


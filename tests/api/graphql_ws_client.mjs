// npm's graphql-ws, as it comes: prints each change as a line of JSON, and at the end how it ended.
import { createClient } from 'graphql-ws';
import WebSocket from 'ws';

const { url, authorization, query } = JSON.parse(process.env.ASKED);
const client = createClient({
  url, webSocketImpl: WebSocket, retryAttempts: 0, connectionParams: { Authorization: authorization },
  on: { connected: () => console.log(JSON.stringify({ connected: true })) },
});
try {
  for await (const result of client.iterate({ query })) console.log(JSON.stringify(result));
  console.log(JSON.stringify({ ended: 'complete' }));
} catch (error) {
  const errors = Array.isArray(error) ? error.map((each) => each.message) : [error.reason ?? String(error)];
  console.log(JSON.stringify({ ended: 'error', code: error.code ?? null, errors }));
}
process.exit(0);

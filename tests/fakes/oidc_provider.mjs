// npm's oidc-provider with one client; its settings come as JSON in the environment.
import { generateKeyPairSync } from 'node:crypto';
import Provider from 'oidc-provider';

const KINDS = { RS256: ['rsa', { modulusLength: 2048 }], ES256: ['ec', { namedCurve: 'P-256' }], EdDSA: ['ed25519', {}] };

const settings = JSON.parse(process.env.PROVIDER);
const people = settings.people;
const { privateKey } = generateKeyPairSync(...KINDS[settings.algorithm]);
const key = { ...privateKey.export({ format: 'jwk' }), use: 'sig', alg: settings.algorithm, kid: 'only' };
const provider = new Provider(settings.issuer, {
  jwks: { keys: [key] },
  enabledJWA: { idTokenSigningAlgValues: [settings.algorithm] },
  clients: [
    {
      client_id: settings.client_id,
      client_secret: settings.client_secret,
      redirect_uris: [settings.redirect_uri],
      grant_types: ['authorization_code'],
      response_types: ['code'],
      id_token_signed_response_alg: settings.algorithm,
      require_auth_time: true,
    },
  ],
  claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name', 'groups'] },
  pkce: { required: () => true },
  cookies: { keys: ['not a secret'] },
  async findAccount(context, id) {
    return { accountId: id, claims: async () => ({ sub: id, ...people[id] }) };
  },
  features: { devInteractions: { enabled: true } },
});
provider.listen(settings.port, '127.0.0.1', () => console.log('ready'));

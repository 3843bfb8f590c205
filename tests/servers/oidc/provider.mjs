// The npm package oidc-provider as a company's identity provider: whoever signs in as X is X@example.com.
// Run: node provider.mjs PACKAGE '{"port": 1, "back": "http://...", "jwks": {"keys": []}, "groups": {"kim": ["sec"]}}'
import { pathToFileURL } from 'node:url'

const { default: Provider } = await import(pathToFileURL(process.argv[2]))
const { port, back, jwks, groups } = JSON.parse(process.argv[3])
const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: [{ client_id: 'hub', client_secret: 's3cret+/', redirect_uris: [back], grant_types: ['authorization_code'], response_types: ['code'] }],
  claims: { openid: ['sub'], email: ['email', 'email_verified'], groups: ['groups'] },
  scopes: ['openid', 'email', 'groups'],
  conformIdTokenClaims: false,
  features: { devInteractions: { enabled: true } },
  pkce: { required: () => true },
  jwks,
  findAccount: (_, id) => ({
    accountId: id,
    claims: async () => ({ sub: id, email: `${id}@example.com`, email_verified: id !== 'eve', groups: groups[id] ?? [] }),
  }),
  cookies: { keys: ['tests'] },
  ttl: { AccessToken: 300, IdToken: 300, Session: 3600, Grant: 3600, Interaction: 600, AuthorizationCode: 60 },
})
provider.listen(port, '127.0.0.1')

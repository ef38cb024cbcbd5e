// oidc-provider as the checks need it: `node provider.mjs PORT CONSOLE ALGORITHM [in-token]`.
// Whoever types a name at its login is that person. Keys are drawn at each start.

import { generateKeyPairSync, randomBytes } from "node:crypto";

import { Provider } from "oidc-provider";

const [port, console_url, algorithm, where] = process.argv.slice(2);
const kinds = { RS256: ["rsa", { modulusLength: 2048 }], ES256: ["ec", { namedCurve: "P-256" }] };
kinds.PS256 = kinds.RS256;

function key(alg) {
  const { privateKey } = generateKeyPairSync(...kinds[alg]);
  const kid = randomBytes(8).toString("hex");
  return { ...privateKey.export({ format: "jwk" }), kid, alg, use: "sig" };
}

const groups = { mona: ["fraud-team"], lea: ["fraud-team", "fraud-leads"], nils: [] };
const issuer = `http://127.0.0.1:${port}`;
const provider = new Provider(issuer, {
  clients: [
    {
      client_id: "streamer-console",
      client_secret: "a secret: of 40 characters, and a plus +",
      redirect_uris: [`${console_url}/oidc/callback`],
      post_logout_redirect_uris: [`${console_url}/login`],
      grant_types: ["authorization_code"],
      response_types: ["code"],
      id_token_signed_response_alg: algorithm,
    },
  ],
  claims: { openid: ["sub"], profile: ["preferred_username"], groups: ["groups"] },
  conformIdTokenClaims: where !== "in-token",
  cookies: { keys: [randomBytes(16).toString("hex")] },
  enabledJWA: { idTokenSigningAlgValues: ["RS256", "PS256", "ES256"] },
  async findAccount(_, sub) {
    return {
      accountId: sub,
      claims: async () => ({
        sub,
        preferred_username: sub,
        groups: groups[sub] ?? [],
      }),
    };
  },
  jwks: { keys: [key("RS256"), key("PS256"), key("ES256")] },
  pkce: { required: () => true },
  scopes: ["openid", "profile", "groups"],
});

provider.listen(Number(port), "127.0.0.1", () => process.stdout.write("ready\n"));

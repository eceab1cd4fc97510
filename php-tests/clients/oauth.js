// Asks an authorization server through oauth4webapi. Its options are the first argument; then each line of the input is
// a call, and each line of the output what came of it: an answer, or the code of an error.
const readline = require('readline');
const { pathToFileURL } = require('url');

const { issuer, identifier, secret, redirectUri, authentication } = JSON.parse(process.argv[2]);
const client = { client_id: identifier };
const pending = {};

// Node 18 has it elsewhere.
globalThis.crypto ??= require('crypto').webcrypto;

(async () => {
  const oauth = await import(pathToFileURL(require.resolve('oauth4webapi')));
  const options = { [oauth.allowInsecureRequests]: true };
  const found = await oauth.discoveryRequest(new URL(issuer), { algorithm: 'oauth2', ...options });
  const server = await oauth.processDiscoveryResponse(new URL(issuer), found);
  const prove = { basic: oauth.ClientSecretBasic, post: oauth.ClientSecretPost }[authentication](secret);

  const calls = {
    metadata: () => server,
    async begin({ scope }) {
      pending.verifier = oauth.generateRandomCodeVerifier();
      pending.state = oauth.generateRandomState();
      const url = new URL(server.authorization_endpoint);
      url.search = new URLSearchParams({
        client_id: identifier,
        redirect_uri: redirectUri,
        response_type: 'code',
        scope,
        code_challenge: await oauth.calculatePKCECodeChallenge(pending.verifier),
        code_challenge_method: 'S256',
        state: pending.state,
      });
      return [url.href];
    },
    async finish({ url }) {
      const parameters = oauth.validateAuthResponse(server, client, new URL(url), pending.state);
      const grant = [server, client, prove, parameters, redirectUri, pending.verifier, options];
      const response = await oauth.authorizationCodeGrantRequest(...grant);
      return oauth.processAuthorizationCodeResponse(server, client, response);
    },
    async refresh({ token }) {
      const response = await oauth.refreshTokenGrantRequest(server, client, prove, token, options);
      return oauth.processRefreshTokenResponse(server, client, response);
    },
    async revoke({ token }) {
      await oauth.processRevocationResponse(await oauth.revocationRequest(server, client, prove, token, options));
      return [];
    },
    async introspect({ token }) {
      const response = await oauth.introspectionRequest(server, client, prove, token, options);
      return oauth.processIntrospectionResponse(server, client, response);
    },
    async singleSignOn({ scope }) {
      const grant = [server, client, prove, 'single_sign_on', { scope }, options];
      const response = await oauth.genericTokenEndpointRequest(...grant);
      return oauth.processGenericTokenEndpointResponse(server, client, response);
    },
  };
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const [name, parameters] = JSON.parse(line);
    const answer = await Promise.resolve(parameters).then(calls[name]).catch(async (error) => {
      const challenged = error instanceof oauth.WWWAuthenticateChallengeError;
      return challenged ? (await error.response.json()).error : error.error ?? error.stack;
    });
    console.log(JSON.stringify(answer));
  }
})();

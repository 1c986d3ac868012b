// The OAuth clients of `oauth.test.mjs`, behind one set of methods. Each does everything that the library has a function for.
import { readFileSync } from 'node:fs';
import * as oauth from 'oauth4webapi';
import * as openid from 'openid-client';

const installed = (name) => JSON.parse(readFileSync(new URL(`node_modules/${name}/package.json`, import.meta.url))).version;

/** `http` is fine on this machine. */
const insecure = { [oauth.allowInsecureRequests]: true };

/** Sends, and once more where the server wants its nonce in the proof. */
async function withNonce(send) {
  try {
    return await send();
  } catch (error) {
    if (!oauth.isDPoPNonceError(error)) throw error;
    return send();
  }
}

class Oauth4webapi {
  static version = installed('oauth4webapi');

  static async discover(server) {
    const issuer = new URL(server.origin);
    const response = await oauth.discoveryRequest(issuer, { ...insecure, algorithm: 'oauth2' });
    return oauth.processDiscoveryResponse(issuer, response);
  }

  static async register(server, metadata) {
    const response = await oauth.dynamicClientRegistrationRequest(await this.discover(server), metadata, insecure);
    return oauth.processDynamicClientRegistrationResponse(response);
  }

  /** As this client, which has a secret, or a key, or neither. */
  static async with(server, { client_id }, { secret, key }) {
    const library = new this();
    library.as = await this.discover(server);
    library.client = { client_id };
    if (key) library.proof = oauth.PrivateKeyJwt(key);
    else library.proof = secret ? oauth.ClientSecretPost(secret) : oauth.None();
    return library;
  }

  async request(parameters) {
    const verifier = oauth.generateRandomCodeVerifier();
    const state = oauth.generateRandomState();
    const challenge = await oauth.calculatePKCECodeChallenge(verifier);
    const { client_id } = this.client;
    const sent = { client_id, response_type: 'code', state, code_challenge: challenge, code_challenge_method: 'S256', ...parameters };
    return { sent, verifier, state };
  }

  url({ sent }) {
    const url = new URL(this.as.authorization_endpoint);
    for (const [name, value] of Object.entries(sent)) url.searchParams.set(name, value);
    return url;
  }

  async push({ sent }, DPoP) {
    const pushed = await withNonce(async () =>
      oauth.processPushedAuthorizationResponse(
        this.as,
        this.client,
        await oauth.pushedAuthorizationRequest(this.as, this.client, this.proof, sent, { ...insecure, DPoP }),
      ),
    );
    return this.url({ sent: { client_id: this.client.client_id, request_uri: pushed.request_uri } });
  }

  redeem({ sent, verifier, state }, answer, DPoP) {
    const answered = oauth.validateAuthResponse(this.as, this.client, answer, state);
    const send = () =>
      oauth.authorizationCodeGrantRequest(this.as, this.client, this.proof, answered, sent.redirect_uri, verifier, { ...insecure, DPoP });
    return withNonce(async () => oauth.processAuthorizationCodeResponse(this.as, this.client, await send()));
  }

  refresh(token, DPoP) {
    const send = () => oauth.refreshTokenGrantRequest(this.as, this.client, this.proof, token, { ...insecure, DPoP });
    return withNonce(async () => oauth.processRefreshTokenResponse(this.as, this.client, await send()));
  }

  async revoke(token) {
    await oauth.processRevocationResponse(await oauth.revocationRequest(this.as, this.client, this.proof, token, insecure));
  }

  async introspect(token) {
    const response = await oauth.introspectionRequest(this.as, this.client, this.proof, token, insecure);
    return oauth.processIntrospectionResponse(this.as, this.client, response);
  }

  async beginDevice(parameters) {
    const response = await oauth.deviceAuthorizationRequest(this.as, this.client, this.proof, parameters, insecure);
    return oauth.processDeviceAuthorizationResponse(this.as, this.client, response);
  }

  async endDevice({ device_code, interval }) {
    for (;;) {
      await new Promise((waited) => setTimeout(waited, interval * 1000));
      try {
        const response = await oauth.deviceCodeGrantRequest(this.as, this.client, this.proof, device_code, insecure);
        return await oauth.processDeviceCodeResponse(this.as, this.client, response);
      } catch (error) {
        if (error.error !== 'authorization_pending') throw error;
      }
    }
  }

  async clientCredentials(parameters) {
    const response = await oauth.clientCredentialsGrantRequest(this.as, this.client, this.proof, parameters, insecure);
    return oauth.processClientCredentialsResponse(this.as, this.client, response);
  }

  async exchange(grantType, parameters) {
    const response = await oauth.genericTokenEndpointRequest(this.as, this.client, this.proof, grantType, parameters, insecure);
    return oauth.processGenericTokenEndpointResponse(this.as, this.client, response);
  }

  async dpop(alg) {
    return oauth.DPoP(this.client, await oauth.generateKeyPair(alg));
  }

  call(token, method, url, headers, body, DPoP) {
    return withNonce(() => oauth.protectedResourceRequest(token, method, url, new Headers(headers), body, { ...insecure, DPoP }));
  }
}

class OpenidClient {
  static version = installed('openid-client');
  static options = { algorithm: 'oauth2', execute: [openid.allowInsecureRequests] };

  static async register(server, metadata) {
    const registered = await openid.dynamicClientRegistration(new URL(server.origin), metadata, undefined, this.options);
    return registered.clientMetadata();
  }

  static async with(server, { client_id }, { secret, key }) {
    const library = new this();
    let proof = secret ? openid.ClientSecretBasic(secret) : openid.None();
    if (key) proof = openid.PrivateKeyJwt(key);
    library.config = await openid.discovery(new URL(server.origin), client_id, undefined, proof, this.options);
    return library;
  }

  async request(parameters) {
    const verifier = openid.randomPKCECodeVerifier();
    const state = openid.randomState();
    const challenge = await openid.calculatePKCECodeChallenge(verifier);
    return { sent: { state, code_challenge: challenge, code_challenge_method: 'S256', ...parameters }, verifier, state };
  }

  url({ sent }) {
    return openid.buildAuthorizationUrl(this.config, sent);
  }

  push({ sent }, DPoP) {
    return openid.buildAuthorizationUrlWithPAR(this.config, sent, { DPoP });
  }

  redeem({ verifier, state }, answer, DPoP) {
    const checks = { pkceCodeVerifier: verifier, expectedState: state };
    return openid.authorizationCodeGrant(this.config, answer, checks, undefined, { DPoP });
  }

  refresh(token, DPoP) {
    return openid.refreshTokenGrant(this.config, token, undefined, { DPoP });
  }

  revoke(token) {
    return openid.tokenRevocation(this.config, token);
  }

  introspect(token) {
    return openid.tokenIntrospection(this.config, token);
  }

  beginDevice(parameters) {
    return openid.initiateDeviceAuthorization(this.config, parameters);
  }

  endDevice(begun) {
    return openid.pollDeviceAuthorizationGrant(this.config, begun);
  }

  clientCredentials(parameters) {
    return openid.clientCredentialsGrant(this.config, parameters);
  }

  exchange(grantType, parameters) {
    return openid.genericGrantRequest(this.config, grantType, parameters);
  }

  async dpop(alg) {
    return openid.getDPoPHandle(this.config, await openid.randomDPoPKeyPair(alg));
  }

  call(token, method, url, headers, body, DPoP) {
    return openid.fetchProtectedResource(this.config, token, url, method, body, new Headers(headers), { DPoP });
  }
}

export const libraries = { oauth4webapi: Oauth4webapi, 'openid-client': OpenidClient };

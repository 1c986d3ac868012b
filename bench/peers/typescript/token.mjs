// A token signed with an ES256 key made at start, and the options of the SDK's bearer check, which verifies with jose.
import { OAuthError, OAuthErrorCode } from '@modelcontextprotocol/server';
import { generateKeyPair, jwtVerify, SignJWT } from 'jose';

const SCOPE = 'bench';

export async function issue(issuer, audience) {
  const { privateKey, publicKey } = await generateKeyPair('ES256');
  const token = await new SignJWT({ client_id: 'bench', scope: SCOPE })
    .setProtectedHeader({ alg: 'ES256', typ: 'at+jwt' })
    .setIssuer(issuer)
    .setAudience(audience)
    .setSubject('johndoe')
    .setIssuedAt()
    .setExpirationTime('1h')
    .sign(privateKey);
  const verifier = {
    async verifyAccessToken(token) {
      try {
        const { payload } = await jwtVerify(token, publicKey, { issuer, audience, algorithms: ['ES256'], requiredClaims: ['exp'] });
        return {
          token,
          clientId: payload.client_id,
          scopes: payload.scope.split(' '),
          expiresAt: payload.exp,
          resource: new URL(audience),
        };
      } catch (error) {
        throw new OAuthError(OAuthErrorCode.InvalidToken, error.message);
      }
    },
  };
  const resourceMetadataUrl = `${issuer}/.well-known/oauth-protected-resource/mcp`;
  return { token, options: { verifier, requiredScopes: [SCOPE], resourceMetadataUrl, expectedResource: new URL(audience) } };
}

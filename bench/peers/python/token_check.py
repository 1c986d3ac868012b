"""A token signed with an ES256 key made at start, and the SDK's TokenVerifier that checks it with PyJWT."""

import time

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from mcp.server.auth.provider import AccessToken

SCOPE = "bench"


class TokenCheck:
    def __init__(self, issuer: str, audience: str) -> None:
        self.issuer = issuer
        self.audience = audience
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.public = self.key.public_key()

    def issue(self) -> str:
        """A token that is good for an hour."""
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "aud": self.audience,
            "sub": "johndoe",
            "client_id": "bench",
            "scope": SCOPE,
            "iat": now,
            "exp": now + 3600,
        }
        return jwt.encode(claims, self.key, algorithm="ES256", headers={"typ": "at+jwt"})

    async def verify_token(self, token: str) -> AccessToken | None:
        try:
            claims = jwt.decode(
                token,
                self.public,
                algorithms=["ES256"],
                issuer=self.issuer,
                audience=self.audience,
                options={"require": ["exp", "iss", "aud"]},
            )
        except jwt.InvalidTokenError:
            return None
        return AccessToken(
            token=token,
            client_id=claims["client_id"],
            scopes=claims["scope"].split(),
            expires_at=claims["exp"],
            resource=claims["aud"],
            subject=claims["sub"],
            claims=claims,
        )

"""`authlib`, an OAuth client that knows nothing of MCP, against the authorization server of `barewire demo`.

The server's URL is in the environment (`BAREWIRE_SERVER_URL`); ends with 0 where all of it went well. The settings of the demo are in
`../oauth.toml`. The library has no functions for DPoP, pushed requests and registration.
"""

import asyncio
import base64
import json
import os
import sys
import threading
import time
import traceback
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib.metadata import version

import requests
from authlib.common.security import generate_token
from authlib.integrations.base_client.errors import OAuthError
from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from joserfc.jwk import ECKey

import browser

CALLBACK = "http://localhost:43120/callback"
DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code"
TOKEN_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"
METADATA = {
    "client_name": "authlib",
    "redirect_uris": [CALLBACK],
    "grant_types": ["authorization_code", "refresh_token", DEVICE_CODE],
    "token_endpoint_auth_method": "client_secret_post",
    "application_type": "native",
}


def claims(token: str) -> dict:
    """What a token says, without a look at its signature."""
    payload = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))


def refused(code: str, work: Callable[[], object]) -> None:
    try:
        work()
    except OAuthError as error:
        assert error.error == code, error
    else:
        raise AssertionError(f"was not refused with {code}")


class Keys(BaseHTTPRequestHandler):
    """The keys of the client `service`, where the server fetches them."""

    jwks = b""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.end_headers()
        self.wfile.write(self.jwks)

    def log_message(self, *_: object) -> None:
        pass


class Run:
    def __init__(self, server: str) -> None:
        self.server = server
        self.origin = server.removesuffix("/mcp")
        self.at = requests.get(f"{self.origin}/.well-known/oauth-authorization-server", timeout=30).json()
        registered = requests.post(self.at["registration_endpoint"], json=METADATA, timeout=30)
        assert registered.status_code == 201, registered.text
        client = registered.json()
        self.session = OAuth2Session(
            client["client_id"],
            client["client_secret"],
            redirect_uri=CALLBACK,
            scope="posts:read",
            code_challenge_method="S256",
            token_endpoint_auth_method="client_secret_post",
            revocation_endpoint_auth_method="client_secret_post",
        )

    def step(self, name: str, work: Callable[[], None]) -> None:
        """Does it, and writes a line for the table of docs/interop.md."""
        work()
        print(f"ok authlib: {name}", flush=True)
        if report := os.environ.get("BAREWIRE_INTEROP_REPORT"):
            with open(report, "a") as lines:
                lines.write(json.dumps({"client": "authlib", "revision": version("authlib"), "step": name}) + "\n")

    def tokens(self) -> dict:
        """Logs in with the password and allows."""
        verifier = generate_token(48)
        url, state = self.session.create_authorization_url(
            self.at["authorization_endpoint"], code_verifier=verifier, resource=self.server
        )
        answer = asyncio.run(browser.log_in(url, CALLBACK, "johndoe", "secret"))
        return dict(self.ask(authorization_response=answer, state=state, code_verifier=verifier, resource=self.server))

    def ask(self, **form: str) -> dict:
        return self.session.fetch_token(self.at["token_endpoint"], **form)

    def renew(self, tokens: dict) -> dict:
        return self.session.refresh_token(self.at["token_endpoint"], refresh_token=tokens["refresh_token"])

    def end(self, tokens: dict) -> None:
        answer = self.session.revoke_token(self.at["revocation_endpoint"], token=tokens["refresh_token"])
        assert answer.status_code == 200, answer.text

    def told(self, session: OAuth2Session, token: str) -> dict:
        return session.introspect_token(self.at["introspection_endpoint"], token=token).json()

    def is_let_in(self, token: str) -> bool:
        headers = {
            "authorization": f"Bearer {token}",
            "accept": "application/json, text/event-stream",
            "mcp-protocol-version": "2025-11-25",
        }
        ping = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
        return requests.post(self.server, json=ping, headers=headers, timeout=30).status_code == 200

    def code(self) -> None:
        tokens = self.tokens()
        said = claims(tokens["access_token"])
        assert (said["aud"], said["sub"], said["scope"]) == (self.server, "johndoe", "posts:read"), said
        assert self.is_let_in(tokens["access_token"])

    def refresh(self) -> None:
        tokens = self.tokens()
        renewed = self.renew(tokens)
        assert renewed["refresh_token"] != tokens["refresh_token"]
        assert self.is_let_in(renewed["access_token"])

    def introspection(self) -> None:
        told = self.told(self.session, self.tokens()["access_token"])
        assert told["active"] and told["sub"] == "johndoe" and told["aud"] == self.server, told
        assert self.told(self.session, "no.such.token") == {"active": False}

    def revocation(self) -> None:
        tokens = self.tokens()
        self.end(tokens)
        assert not self.told(self.session, tokens["access_token"])["active"]
        assert not self.is_let_in(tokens["access_token"])
        refused("invalid_grant", lambda: self.renew(tokens))

    def device(self) -> None:
        form = {"client_id": self.session.client_id, "client_secret": self.session.client_secret, "resource": self.server}
        begun = requests.post(self.at["device_authorization_endpoint"], data=form, timeout=30).json()
        ask = lambda: self.ask(grant_type=DEVICE_CODE, device_code=begun["device_code"])
        time.sleep(begun["interval"])
        refused("authorization_pending", ask)
        asyncio.run(browser.allow_device(begun["verification_uri_complete"], "johndoe", "secret"))
        time.sleep(begun["interval"])
        assert self.is_let_in(ask()["access_token"])

    def client_credentials(self) -> None:
        kid = generate_token(8)
        key = ECKey.generate_key("P-256", {"kid": kid, "use": "sig"})
        Keys.jwks = json.dumps({"keys": [key.as_dict(private=False)]}).encode()
        keys = HTTPServer(("127.0.0.1", int(os.environ.get("BAREWIRE_KEYS_PORT", "43121"))), Keys)
        threading.Thread(target=keys.serve_forever, daemon=True).start()
        method = PrivateKeyJWT(self.at["token_endpoint"], alg="ES256", headers={"kid": kid})
        service = OAuth2Session("service", key, token_endpoint_auth_method=method)
        form = {"grant_type": "client_credentials", "scope": "posts:read", "resource": self.server}
        tokens = service.fetch_token(self.at["token_endpoint"], **form)
        keys.shutdown()
        assert claims(tokens["access_token"])["sub"] == "client:service", tokens
        assert self.is_let_in(tokens["access_token"])

    def token_exchange(self) -> None:
        tokens = self.tokens()
        gateway = OAuth2Session("gateway", "a secret of the gateway that nobody guesses")
        form = {
            "grant_type": TOKEN_EXCHANGE,
            "subject_token": tokens["access_token"],
            "subject_token_type": ACCESS_TOKEN,
            "resource": f"{self.origin}/sse",
        }
        exchanged = gateway.fetch_token(self.at["token_endpoint"], **form)
        assert exchanged["issued_token_type"] == ACCESS_TOKEN, exchanged
        said = claims(exchanged["access_token"])
        assert (said["aud"], said["sub"]) == (form["resource"], "johndoe"), said
        assert said["act"] == {"sub": "client:gateway"}, said
        refused("unauthorized_client", lambda: self.ask(**form))
        self.end(tokens)
        assert not self.told(gateway, exchanged["access_token"])["active"]

    def all(self) -> None:
        self.step("code", self.code)
        self.step("refresh", self.refresh)
        self.step("introspection", self.introspection)
        self.step("revocation", self.revocation)
        self.step("device", self.device)
        self.step("client credentials", self.client_credentials)
        self.step("token exchange", self.token_exchange)


if __name__ == "__main__":
    try:
        Run(os.environ.get("BAREWIRE_SERVER_URL", "http://localhost:8000/mcp")).all()
    except Exception:
        traceback.print_exc()
        sys.exit(1)

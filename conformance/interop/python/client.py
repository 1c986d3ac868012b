"""The official Python SDK against `barewire demo`: discovery, registration, login, list, read, call, progress, step-up, elicitation, refresh.

`python client.py SERVER_URL`; ends with 0 where all of it went well. Each revision that the SDK speaks as a client, and the transport
of 2024-11-05.
"""

import asyncio
import json
import os
import sys
import time
import traceback
from contextlib import asynccontextmanager
from urllib.parse import parse_qs, urlsplit

import httpx2
import mcp_types as types
from mcp import Client
from mcp.client.auth import OAuthClientProvider
from mcp.client.sse import sse_client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import AuthorizationCodeResult, OAuthClientInformationFull, OAuthClientMetadata, OAuthToken
from mcp.shared.exceptions import MCPError

import browser

CALLBACK = "http://localhost:43119/callback"


class Keeper:
    """What an application keeps for the SDK."""

    tokens: OAuthToken | None = None
    client: OAuthClientInformationFull | None = None

    async def get_tokens(self) -> OAuthToken | None:
        return self.tokens

    async def set_tokens(self, tokens: OAuthToken) -> None:
        self.tokens = tokens

    async def get_client_info(self) -> OAuthClientInformationFull | None:
        return self.client

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
        self.client = client_info


class Person:
    """Logs in where the SDK sends them, and answers the server's questions."""

    def __init__(self) -> None:
        self.asked_scopes: list[str] = []
        self.questions: list[str] = []
        self.answer = types.ElicitResult(action="decline")
        self._arrived = ""

    async def log_in(self, url: str) -> None:
        self.asked_scopes.append(parse_qs(urlsplit(url).query)["scope"][0])
        self._arrived = await browser.log_in(url, CALLBACK, "johndoe", "secret")

    async def come_back(self) -> AuthorizationCodeResult:
        query = {name: values[0] for name, values in parse_qs(urlsplit(self._arrived).query).items()}
        return AuthorizationCodeResult(code=query["code"], state=query.get("state"), iss=query.get("iss"))

    async def elicit(self, context: object, params: types.ElicitRequestParams) -> types.ElicitResult:
        self.questions.append(params.message)
        return self.answer


class Run:
    """One client from the first 401 to the refresh."""

    def __init__(self, server: str, name: str, mode: str) -> None:
        self.server, self.name, self.mode = server, name, mode
        self.keeper, self.person = Keeper(), Person()
        self.auth = OAuthClientProvider(
            server_url=server,
            client_metadata=OAuthClientMetadata(client_name="interop test", redirect_uris=[CALLBACK]),
            storage=self.keeper,
            redirect_handler=self.person.log_in,
            callback_handler=self.person.come_back,
        )

    @asynccontextmanager
    async def connected(self):
        async with httpx2.AsyncClient(auth=self.auth, timeout=30) as http:
            transport = streamable_http_client(self.server, http_client=http)
            async with Client(transport, mode=self.mode, elicitation_callback=self.person.elicit) as client:
                yield client

    def done(self, revision: str, step: str) -> None:
        """A line for the table of docs/interop.md."""
        print(f"ok {self.name}, {revision}: {step}", flush=True)
        if report := os.environ.get("BAREWIRE_INTEROP_REPORT"):
            with open(report, "a") as lines:
                lines.write(json.dumps({"client": self.name, "revision": revision, "step": step}) + "\n")

    async def all(self) -> None:
        async with self.connected() as client:
            revision = client.protocol_version
            # A client that was told the revision asks for nothing before its first request.
            names = {tool.name for tool in (await client.list_tools()).tools}
            if self.mode != revision:
                assert client.server_info and client.server_info.name == "barewire-blog", client.server_info
            assert "posts:read" in self.person.asked_scopes[0] and "posts:write" not in self.person.asked_scopes[0]
            self.done(revision, "login")

            assert {"list_posts", "read_post", "create_post", "delete_post", "export_posts"} <= names, names
            resources = (await client.list_resources()).resources
            assert resources and (await client.list_resource_templates()).resource_templates
            assert (await client.list_prompts()).prompts
            self.done(revision, "list")

            page = await client.call_tool("list_posts", {})
            assert page.structured_content and page.content and not page.is_error, page
            read = await client.read_resource(resources[0].uri)
            assert str(read.contents[0].uri) == str(resources[0].uri), read
            prompt = await client.get_prompt("summarize_post", {"id": "1"})
            assert prompt.messages, prompt
            self.done(revision, "call")

            try:
                wrong = await client.call_tool("read_post", {"id": "not a number"})
                assert wrong.is_error, wrong
            except MCPError:
                pass
            self.done(revision, "refusal")

            progress: list[tuple[float, float | None]] = []

            async def told(done: float, total: float | None, message: str | None) -> None:
                progress.append((done, total))

            exported = await client.call_tool("export_posts", {"pause_ms": 0}, progress_callback=told)
            assert not exported.is_error and progress and progress[-1][0] == progress[-1][1], (exported, progress)
            self.done(revision, "progress")

            created = await client.call_tool("create_post", {"title": f"Written by {self.name}", "content": "Over the wire."})
            assert not created.is_error, created
            scopes = self.person.asked_scopes[-1]
            assert len(self.person.asked_scopes) == 2 and "posts:write" in scopes and "posts:read" in scopes, self.person.asked_scopes
            self.done(revision, "step-up")

            post = {"id": created.structured_content["id"]}
            await client.call_tool("delete_post", post)
            assert len(self.person.questions) == 1, self.person.questions
            still = await client.call_tool("read_post", post)
            assert not still.is_error, "a declined deletion deletes nothing"
            self.person.answer = types.ElicitResult(action="accept", content={"confirm": True})
            deleted = await client.call_tool("delete_post", post)
            assert deleted.structured_content["deleted"] is True, deleted
            assert (await client.call_tool("read_post", post)).is_error
            self.done(revision, "question")

            # The SDK refreshes by its own clock; a token that is refused makes it log in anew.
            before = self.keeper.tokens
            self.auth.context.token_expiry_time = time.time() - 1
            assert not (await client.call_tool("list_posts", {})).is_error
            after = self.keeper.tokens
            assert after.access_token != before.access_token and after.refresh_token != before.refresh_token
            assert len(self.person.asked_scopes) == 2, "nobody had to log in again"
            self.done(revision, "refresh")

    async def old_transport(self) -> None:
        """The transport of 2024-11-05, with the token that a login at /mcp gave."""
        async with self.connected() as client:
            await client.list_tools()
        self.name = "Python SDK over HTTP+SSE"
        transport = sse_client(self.server.replace("/mcp", "/sse"), auth=self.auth)
        async with Client(transport, mode="legacy", elicitation_callback=self.person.elicit) as client:
            revision = client.protocol_version
            assert any(tool.name == "list_posts" for tool in (await client.list_tools()).tools)
            self.done(revision, "list")
            page = await client.call_tool("list_posts", {})
            assert page.structured_content, page
            uri = (await client.list_resources()).resources[0].uri
            assert (await client.read_resource(uri)).contents
            self.done(revision, "call")


async def main() -> None:
    (server,) = sys.argv[1:]
    for name, mode in [
        ("Python SDK on 2026-07-28", "2026-07-28"),
        ("Python SDK choosing by itself", "auto"),
        ("Python SDK in its handshake mode", "legacy"),
    ]:
        await asyncio.wait_for(Run(server, name, mode).all(), 60)
    await asyncio.wait_for(Run(server, "Python SDK", "auto").old_transport(), 60)


if __name__ == "__main__":
    try:
        asyncio.run(main())
    except Exception:
        traceback.print_exc()
        sys.exit(1)

"""The official Python SDK under uvicorn: `python server.py --listen 127.0.0.1:PORT [--auth] [--sse]`.

For speed: one uvicorn worker on uvloop and httptools without an access log; JSON answers; the users made once. The
SDK's OpenTelemetry middleware is on as it ships (no exporter is configured, so its spans record nothing). JSON answers
drop the notifications of a call, so `--sse` turns them off where notifications are measured.
"""

import argparse
import logging

import uvicorn
from mcp.server.auth.settings import AuthSettings
from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from pydantic import BaseModel

from token_check import SCOPE, TokenCheck


class User(BaseModel):
    id: int
    name: str
    email: str
    active: bool
    roles: list[str]
    created: str


def user(id: int) -> User:
    """The same record as in bench/src/users.rs."""
    return User(
        id=id,
        name=f"User {id}",
        email=f"user{id}@example.com",
        active=id % 10 != 0,
        roles=["reader", "writer"] if id % 2 == 0 else ["reader"],
        created=f"2026-01-{1 + id % 28:02}T00:00:00Z",
    )


USERS = {id: user(id) for id in range(1, 1001)}


async def echo(text: str) -> str:
    return text


async def get_user(id: int) -> User:
    if id not in USERS:
        raise ToolError("There is no such user.")
    return USERS[id]


async def echo_with_progress(text: str, ctx: Context) -> str:
    for step in (1, 2, 3):
        await ctx.report_progress(step, 3)
    return text


def build(origin: str, check: TokenCheck | None) -> MCPServer:
    auth = None
    if check:
        auth = AuthSettings(
            issuer_url=origin,
            resource_server_url=f"{origin}/mcp",
            required_scopes=[SCOPE],
            validate_token_resource=True,
        )
    server = MCPServer("bench", version="1.0.0", token_verifier=check, auth=auth, log_level="WARNING")
    # Text alone: for a function that returns text the SDK would add a structured copy of it.
    server.tool(description="Says it again.", structured_output=False)(echo)
    server.tool(description="A user's record.")(get_user)
    server.tool(description="Says it again, after three steps.", structured_output=False)(echo_with_progress)
    return server


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--listen", required=True)
    parser.add_argument("--auth", action="store_true")
    parser.add_argument("--sse", action="store_true")
    arguments = parser.parse_args()
    host, port = arguments.listen.split(":")
    origin = f"http://{arguments.listen}"

    check = TokenCheck(origin, f"{origin}/mcp") if arguments.auth else None
    if check:
        print(f"token: {check.issue()}", flush=True)
    logging.basicConfig(level=logging.WARNING)
    # No idle time or number of sessions is changed: 10,000 are what it ships with.
    app = build(origin, check).streamable_http_app(json_response=not arguments.sse)
    uvicorn.run(
        app,
        host=host,
        port=int(port),
        loop="uvloop",
        http="httptools",
        log_level="warning",
        access_log=False,
        timeout_keep_alive=60,
        backlog=4096,
    )


if __name__ == "__main__":
    main()

"""A server on the official Python SDK: `python server.py PORT [--sse | --auth]`, on Streamable HTTP, on the transport of 2024-11-05,
or on Streamable HTTP behind the authorization server that the SDK ships.

What it offers is what every server here does; xtask/src/interop/servers.rs says what is asked of it.
"""

import argparse
from typing import Annotated

from mcp.server.mcpserver import AcceptedElicitation, Context, Elicit, ElicitationResult, MCPServer, Resolve
from pydantic import BaseModel

import accounts

parser = argparse.ArgumentParser()
parser.add_argument("port", type=int)
parser.add_argument("--sse", action="store_true")
parser.add_argument("--auth", action="store_true")
arguments = parser.parse_args()
server = MCPServer(
    "theirs",
    version="1.0.0",
    log_level="WARNING",
    auth_server_provider=accounts.Accounts() if arguments.auth else None,
    auth=accounts.settings(f"http://localhost:{arguments.port}") if arguments.auth else None,
)


class Sum(BaseModel):
    sum: float


class Name(BaseModel):
    name: str


async def who() -> Elicit[Name]:
    return Elicit("Who are you?", Name)


@server.tool(description="Adds")
async def add(a: float, b: float) -> Sum:
    return Sum(sum=a + b)


@server.tool(description="Counts", structured_output=False)
async def count(to: int, ctx: Context) -> str:
    for step in range(1, to + 1):
        await ctx.report_progress(step, to)
    return f"counted to {to}"


@server.tool(description="Asks for a name", structured_output=False)
async def ask(answer: Annotated[ElicitationResult[Name], Resolve(who)]) -> str:
    if isinstance(answer, AcceptedElicitation):
        return f"Hello, {answer.data.name}."
    return "Hello, whoever you are."


@server.resource("note://hello", mime_type="text/plain")
async def hello() -> str:
    return "Hello."


@server.prompt()
async def greet(name: str) -> str:
    return f"Greet {name}."


server.run("sse" if arguments.sse else "streamable-http", host="127.0.0.1", port=arguments.port)

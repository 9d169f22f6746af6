"""The Model Context Protocol: nlq as tools for agents, over standard input and output or streamable HTTP."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass, field
from importlib.metadata import version
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter, ValidationError
from starlette.routing import Route

from api.access import Visit
from api.events import Desk
from api.mcp_tools import INSTRUCTIONS, TOOLS, Call, Tool
from api.problems import problem_of, sentence
from api.security import MAX_BODY_BYTES
from nlq.errors import InputError, without_extra
from nlq.settings import Settings
from nlq.translator import Translator

if TYPE_CHECKING:
    from mcp import types
    from mcp.server import Server, ServerRequestContext
    from mcp.server.transport_security import TransportSecuritySettings

PATH = "/mcp"

Permitted = tuple[Translator, str]
"""The translator as a caller may use it, and the caller's id ("": not known)."""

Permit = Callable[[Any, Tool], Permitted]
"""Who sends a request (None where it came over no network) and may use the tool; raises AccessError."""

_LOOPBACK = ("127.0.0.1", "localhost", "[::1]")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """What an application adds to serve agents; nothing where the extra ``mcp`` is not installed. ``running`` is a
    context that lasts as long as the application."""

    routes: tuple[Route, ...] = ()
    running: Callable[[], AbstractAsyncContextManager[None]] = field(default=nullcontext)


def mcp_endpoint(desk: Desk, settings: Settings) -> Endpoint:
    """The tools at PATH over streamable HTTP, each request on its own: any replica can answer it. Every call works with
    what the request's caller may use; without a ``Visit`` it fails.

    Requests that name another host than ``settings`` allow, or that a page of another origin sends, are refused.
    """
    if not installed():
        return Endpoint()
    from mcp.server.streamable_http_manager import StreamableHTTPASGIApp, StreamableHTTPSessionManager

    def visited(request: Any, tool: Tool) -> Permitted:
        visit: Visit = request.state.visit
        return visit.translator(tool.actions), visit.caller.id

    sessions = StreamableHTTPSessionManager(
        mcp_server(desk, visited),
        stateless=True,
        security_settings=allowed(settings),
        max_request_body_size=MAX_BODY_BYTES,
    )
    return Endpoint((Route(PATH, StreamableHTTPASGIApp(sessions), include_in_schema=False),), sessions.run)


async def serve_stdio(translator: Translator, desk: Desk) -> None:
    """Answer the agent at standard input and output until it closes them; what else writes there goes to standard
    error."""
    from mcp.server.stdio import stdio_server

    server = mcp_server(desk, lambda _, __: (translator, ""))
    async with stdio_server() as (incoming, outgoing):
        await server.run(incoming, outgoing, server.create_initialization_options())


def require_installed() -> None:
    """Raises ConfigError where the extra is missing."""
    if not installed():
        raise without_extra("What agents use", "mcp")


def installed() -> bool:
    return find_spec("mcp") is not None


def mcp_server(desk: Desk, permit: Permit) -> Server[Any]:
    """The protocol's server. What a tool raises becomes a result marked as an error, with one sentence."""
    from mcp import types
    from mcp.server import Server

    async def listed(_: ServerRequestContext[Any], __: types.PaginatedRequestParams | None) -> types.ListToolsResult:
        return types.ListToolsResult(tools=[_advertised(tool) for tool in TOOLS])

    async def called(context: ServerRequestContext[Any], params: types.CallToolRequestParams) -> types.CallToolResult:
        steps = 0

        async def tell(said: str) -> None:
            nonlocal steps
            steps += 1
            await context.session.report_progress(steps, message=said)

        try:
            tool = _named(params.name)
            asked = _checked(tool, params.arguments or {})
            translator, caller = permit(context.request, tool)
            given = await tool.run(asked, Call(translator, desk, caller, tell))
        except Exception as exc:  # noqa: BLE001  # the border: what nobody foresaw is logged and goes out as an id
            return types.CallToolResult(content=[_text(problem_of(exc).detail)], is_error=True)
        said = _encodable(given)
        return types.CallToolResult(content=[_text(said)], structured_content=json.loads(said))

    def _text(said: str) -> types.TextContent:
        return types.TextContent(type="text", text=said)

    return Server(
        "nlq",
        title="nlq",
        version=version("nlq"),
        instructions=INSTRUCTIONS,
        on_list_tools=listed,
        on_call_tool=called,
    )


def _named(name: str) -> Tool:
    found = next((tool for tool in TOOLS if tool.name == name), None)
    if found is None:
        raise InputError(f"There is no tool {name[:60]!r}; there are {', '.join(tool.name for tool in TOOLS)}.")
    return found


def _checked(tool: Tool, arguments: Mapping[str, Any]) -> Any:
    try:
        return tool.takes.model_validate(arguments)
    except ValidationError as exc:
        raise InputError(sentence([{**e, "loc": ("arguments", *e["loc"])} for e in exc.errors()])) from exc


def _advertised(tool: Tool) -> types.Tool:
    from mcp import types

    return types.Tool(
        name=tool.name,
        title=tool.title,
        description=tool.description,
        input_schema=tool.takes.model_json_schema(),
        output_schema=TypeAdapter(tool.gives).json_schema(),
        annotations=types.ToolAnnotations(
            read_only_hint=True, destructive_hint=False, idempotent_hint=tool.name != "ask", open_world_hint=False
        ),
    )


def _encodable(given: Any) -> str:
    """As JSON; half a surrogate pair, which no UTF-8 encoder takes, becomes a question mark."""
    return json.dumps(given, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace").decode()


def allowed(settings: Settings) -> TransportSecuritySettings:
    """The hosts and origins that requests may name: this machine's own names, the address that is listened on, and
    those that ``settings`` name. Without such a list a page anywhere could reach a service on this machine."""
    from mcp.server.transport_security import TransportSecuritySettings

    hosts = dict.fromkeys((*_LOOPBACK, settings.host, *_parts(settings.allowed_hosts)))
    both = [form for host in hosts for form in (host, f"{host}:*")]
    return TransportSecuritySettings(
        enable_dns_rebinding_protection=True,
        allowed_hosts=both,
        allowed_origins=[
            *(f"{scheme}://{form}" for form in both for scheme in ("http", "https")),
            *_parts(settings.cors_origins),
        ],
    )


def _parts(names: str) -> list[str]:
    return [name for part in names.split(",") if (name := part.strip())]

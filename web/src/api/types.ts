// Generated from crates/host/src/api. Do not edit: change the Rust types, then run
// BAREWIRE_BLESS=1 cargo test -p barewire-host typescript

/**
 * What the person decided.
 */
export type Action = "accept" | "decline" | "cancel";

/**
 * Adds a server and starts to connect: `POST /api/servers`.
 */
export type AddServer = {
/**
 * URL of the MCP endpoint, `http` or `https`. A URL that the session already has gives that server again.
 */
url: string, };

/**
 * Answers a question: `POST /api/calls/{id}/answer`.
 */
export type Answer = {
/**
 * Which question.
 */
key: string,
/**
 * Yes, no, or neither.
 */
action: Action,
/**
 * With `accept` of a form: the object that was filled in. With `accept` of sampling: `{"text": …}`.
 */
content?: JsonValue, };

/**
 * One argument of a prompt.
 */
export type ArgumentView = {
/**
 * Name for programs.
 */
name: string,
/**
 * Name for people.
 */
title: string | null,
/**
 * What it is.
 */
description: string | null,
/**
 * Must be given.
 */
required: boolean, };

/**
 * What is known about a server's authorization; "none" and "broken" are different things.
 */
export type Authorization = "unknown" | "none" | "required" | "authorized";

/**
 * Why a call failed.
 */
export type CallError = {
/**
 * What happened.
 */
message: string,
/**
 * What the person can do about it.
 */
what_next: string | null,
/**
 * The JSON-RPC error code, if the server answered with one.
 */
code: number | null,
/**
 * The JSON-RPC error's data.
 */
data: JsonValue | null, };

/**
 * What is called.
 */
export type CallKind = "tool" | "resource" | "prompt";

/**
 * What a call gave. The members are the wire's own, so that "raw" and "structured" show the same thing.
 */
export type CallResult = { "kind": "tool",
/**
 * Content blocks as on the wire: `{"type": "text" | "image" | "audio" | "resource_link" | "resource", …}`.
 */
content: Array<JsonValue>,
/**
 * The structured result.
 */
structured_content: JsonValue | null,
/**
 * The tool ran and reports a failure.
 */
is_error: boolean, } | { "kind": "resource",
/**
 * Contents as on the wire: `{"uri", "mimeType", "text" | "blob"}`.
 */
contents: Array<JsonValue>, } | { "kind": "prompt",
/**
 * What the prompt is.
 */
description: string | null,
/**
 * Messages as on the wire: `{"role", "content"}`.
 */
messages: Array<JsonValue>, };

/**
 * How a call stands.
 */
export type CallStatus = { "kind": "running" } | { "kind": "input_required",
/**
 * What is asked.
 */
requests: Array<InputRequest>, } | { "kind": "scope_required",
/**
 * Scopes that are missing.
 */
scopes: Array<string>,
/**
 * What the server said about it.
 */
message: string, } | { "kind": "done" } | { "kind": "failed" } | { "kind": "cancelled" };

/**
 * One call, from its start to its result.
 */
export type CallView = {
/**
 * Opaque id.
 */
id: string,
/**
 * Id of the server.
 */
server: string,
/**
 * What is called.
 */
kind: CallKind,
/**
 * Name of the tool or prompt, URI of the resource.
 */
name: string,
/**
 * The arguments as they were given.
 */
arguments: { [key: string]: unknown },
/**
 * How it stands.
 */
status: CallStatus,
/**
 * When it was started.
 */
started_at: number,
/**
 * When it ended.
 */
finished_at: number | null,
/**
 * The last progress notification.
 */
progress: Progress | null,
/**
 * The log messages that the server sent for it, the newest last; bounded.
 */
logs: Array<LogLine>,
/**
 * With `done`: what came back. A tool that reports an error of its own is `done` too, with `is_error`.
 */
result: CallResult | null,
/**
 * With `failed`: why.
 */
error: CallError | null,
/**
 * Ids of the exchanges that were made for it, in order: retries, refreshes and rounds included.
 */
exchanges: Array<string>, };

/**
 * The OAuth client of the host at one authorization server.
 */
export type ClientView = {
/**
 * Its `client_id`; a URL if it is a client document.
 */
client_id: string,
/**
 * How it came to it.
 */
registration: Registration, };

/**
 * Asks for values of an argument: `POST /api/servers/{id}/complete`.
 */
export type Complete = {
/**
 * Of what.
 */
reference: CompleteReference,
/**
 * Name of the argument or template variable.
 */
argument: string,
/**
 * What was typed so far.
 */
value: string,
/**
 * The other arguments that are filled in already.
 */
context: { [key in string]: string }, };

/**
 * Whose argument is completed.
 */
export type CompleteReference = { "kind": "prompt",
/**
 * Name of the prompt.
 */
name: string, } | { "kind": "resource",
/**
 * The URI template.
 */
uri: string, };

/**
 * Values that the server suggests.
 */
export type Completion = {
/**
 * The values, best first, at most 100.
 */
values: Array<string>,
/**
 * How many there are in all, if the server knows.
 */
total: number | null,
/**
 * There are more.
 */
has_more: boolean, };

/**
 * What went wrong with an API request: for the program, and for the person.
 */
export type ErrorBody = {
/**
 * The word.
 */
code: ErrorCode,
/**
 * What happened.
 */
message: string,
/**
 * What to do about it, if anything.
 */
what_next: string | null, };

/**
 * Kinds of failures of the host's own API; how a *server* fails is a status or a call's error.
 */
export type ErrorCode = "bad_request" | "forbidden" | "no_session" | "not_found" | "conflict" | "too_many" | "upstream" | "internal";

/**
 * One event. On the stream each is one `message` event: `id` as given to `Last-Event-ID`, `data` this as JSON.
 *
 * A stream that was lost is resumed by the browser with `Last-Event-ID`; if the host does not have all events since
 * that one any more, the first event is `resync`.
 */
export type Event = { "type": "resync" } | { "type": "server",
/**
 * As it is now.
 */
server: ServerView, } | { "type": "server_removed",
/**
 * Its id.
 */
server: string, } | { "type": "list_changed",
/**
 * Id of the server.
 */
server: string,
/**
 * Which list.
 */
list: ListKind, } | { "type": "call",
/**
 * As it is now.
 */
call: CallView, } | { "type": "call_removed",
/**
 * Its id.
 */
call: string, } | { "type": "exchange_started",
/**
 * Without a response as yet.
 */
exchange: ExchangeView, } | { "type": "exchange_updated",
/**
 * As it is now.
 */
exchange: ExchangeView, } | { "type": "exchange_finished",
/**
 * As it stays.
 */
exchange: ExchangeView, };

/**
 * The exchanges of a server, oldest first: `GET /api/exchanges?server={id}`.
 */
export type ExchangeList = {
/**
 * The exchanges.
 */
exchanges: Array<ExchangeView>,
/**
 * So many older ones were dropped because the log is bounded.
 */
dropped: number, };

/**
 * One recorded exchange and what it belongs to.
 */
export type ExchangeView = {
/**
 * Id of the server.
 */
server: string,
/**
 * Id of the call that it was made for, if it was made for one.
 */
call: string | null,
/**
 * The exchange itself, secrets masked.
 */
exchange: JsonValue, };

/**
 * A picture for a server, tool, resource or prompt.
 */
export type Icon = {
/**
 * `https:` or `data:` URL. The page's content security policy lets it load `data:` only.
 */
src: string,
/**
 * Media type.
 */
mime_type: string | null,
/**
 * Sizes such as `48x48`, or `any`.
 */
sizes: Array<string>, };

/**
 * Who a server says it is.
 */
export type Implementation = {
/**
 * Name for programs.
 */
name: string,
/**
 * Name for people.
 */
title: string | null,
/**
 * Version.
 */
version: string,
/**
 * What it is.
 */
description: string | null,
/**
 * Its home page.
 */
website_url: string | null, };

/**
 * One question of the server in the middle of a call.
 */
export type InputRequest = {
/**
 * Which question; given back with the answer.
 */
key: string, } & ({ "kind": "form",
/**
 * What the server says.
 */
message: string,
/**
 * JSON Schema of the answer: an object of primitive properties.
 */
schema: JsonValue, } | { "kind": "url",
/**
 * What the server says.
 */
message: string,
/**
 * Where to go.
 */
url: string, } | { "kind": "sampling",
/**
 * The params of `sampling/createMessage` as they were on the wire.
 */
params: JsonValue, });

export type JsonValue = number | string | boolean | Array<JsonValue> | { [key in string]: JsonValue } | null;

/**
 * The lists of a server that can change.
 */
export type ListKind = "tools" | "resources" | "prompts";

/**
 * One log message of the server.
 */
export type LogLine = {
/**
 * When it arrived.
 */
at: number,
/**
 * `debug` … `emergency` (RFC 5424).
 */
level: string,
/**
 * Which part of the server speaks.
 */
logger: string | null,
/**
 * What it says: any JSON.
 */
data: JsonValue, };

/**
 * A login that waits for the person.
 */
export type LoginStarted = {
/**
 * Where the page navigates to. The authorization server sends the person back to `/callback`, and that to
 * `/#/servers/{id}`. Calls that waited for these scopes then go on by themselves.
 */
authorize_url: string, };

/**
 * A server that the page offers before one was entered.
 */
export type Offered = {
/**
 * What to call it, e.g. `Blog (demo)`.
 */
name: string,
/**
 * URL of its MCP endpoint.
 */
url: string, };

/**
 * How far a call is.
 */
export type Progress = {
/**
 * So much is done; only ever grows.
 */
progress: number,
/**
 * Of so much, if the server knows.
 */
total: number | null,
/**
 * What it is doing.
 */
message: string | null, };

/**
 * All prompts, every page fetched.
 */
export type PromptList = {
/**
 * The prompts.
 */
prompts: Array<PromptView>,
/**
 * The server has more than the host was willing to fetch.
 */
truncated: boolean, };

/**
 * One prompt.
 */
export type PromptView = {
/**
 * Name for programs.
 */
name: string,
/**
 * Name for people.
 */
title: string | null,
/**
 * What it is for.
 */
description: string | null,
/**
 * Its arguments.
 */
arguments: Array<ArgumentView>, };

/**
 * How the host became a client of an authorization server.
 */
export type Registration = "pre_registered" | "client_document" | "dynamic";

/**
 * All resources, every page fetched.
 */
export type ResourceList = {
/**
 * The resources.
 */
resources: Array<ResourceView>,
/**
 * The server has more than the host was willing to fetch.
 */
truncated: boolean, };

/**
 * One resource.
 */
export type ResourceView = {
/**
 * Its URI.
 */
uri: string,
/**
 * Name for programs.
 */
name: string,
/**
 * Name for people.
 */
title: string | null,
/**
 * What it is.
 */
description: string | null,
/**
 * Media type.
 */
mime_type: string | null,
/**
 * Bytes, if known.
 */
size: number | null, };

/**
 * How a server stands, in a word for the program and two sentences for the person.
 */
export type ServerStatus = {
/**
 * The word.
 */
kind: ServerStatusKind,
/**
 * What happened.
 */
message: string,
/**
 * What the person can do about it, if anything.
 */
what_next: string | null,
/**
 * Since when.
 */
since: number,
/**
 * With `disconnected`: when the host tries again by itself.
 */
retry_at: number | null, };

/**
 * The lifecycle of a connection.
 */
export type ServerStatusKind = "connecting" | "login_required" | "ready" | "refused" | "failed" | "disconnected";

/**
 * One server of the session.
 */
export type ServerView = {
/**
 * Opaque id, stable over restarts of the host.
 */
id: string,
/**
 * URL of the MCP endpoint as it was entered.
 */
url: string,
/**
 * What to call it: the title or name it gave itself, otherwise host and path of the URL.
 */
name: string,
/**
 * When it was added.
 */
added_at: number,
/**
 * How the connection stands.
 */
status: ServerStatus,
/**
 * What is known about the authorization it asks for.
 */
authorization: Authorization,
/**
 * The protocol revision in use, e.g. `2026-07-28`; `null` until negotiated.
 */
revision: string | null,
/**
 * The revisions that the server said it speaks, newest first; empty if it did not say.
 */
supported_revisions: Array<string>,
/**
 * Name, version and so on, as the server says.
 */
server_info: Implementation | null,
/**
 * The capabilities object as it was on the wire.
 */
capabilities: JsonValue | null,
/**
 * What the server says about how to use it.
 */
instructions: string | null,
/**
 * The answer of `/users/me/` on the server's origin, asked with the same token; `null` if there is no such resource.
 */
user: JsonValue | null,
/**
 * The OAuth client that the host is at this server's authorization server.
 */
client: ClientView | null,
/**
 * Issuer of the authorization server.
 */
issuer: string | null,
/**
 * The resource identifier that the tokens are for (RFC 8707).
 */
resource: string | null,
/**
 * Scopes that were granted.
 */
scopes: Array<string>,
/**
 * Scopes that the server's metadata names (RFC 9728 `scopes_supported`).
 */
scopes_supported: Array<string>,
/**
 * When the access token ends; it is refreshed by itself where a refresh token was issued.
 */
token_expires_at: number | null, };

/**
 * Starts a call: `POST /api/servers/{id}/calls`.
 */
export type StartCall = { "kind": "tool",
/**
 * Name of the tool.
 */
name: string,
/**
 * Its arguments; without it, `{}`.
 */
arguments: { [key: string]: unknown }, } | { "kind": "resource",
/**
 * URI of the resource, a template already expanded.
 */
uri: string, } | { "kind": "prompt",
/**
 * Name of the prompt.
 */
name: string,
/**
 * Its arguments, all strings.
 */
arguments: { [key: string]: unknown }, };

/**
 * Starts a login: `POST /api/servers/{id}/login`.
 */
export type StartLogin = {
/**
 * Scopes to ask for beyond those already granted; without it, what the server's challenge or metadata says.
 */
scopes?: Array<string>, };

/**
 * Everything the page needs to draw itself after a load: `GET /api/state`.
 *
 * The page then opens `GET /api/events?after={last_event}` and misses nothing in between.
 */
export type State = {
/**
 * Version of the host.
 */
version: string,
/**
 * Servers that the host suggests to somebody who has none yet.
 */
offered: Array<Offered>,
/**
 * The servers of this browser session, in the order they were added.
 */
servers: Array<ServerView>,
/**
 * The calls of this browser session, oldest first.
 */
calls: Array<CallView>,
/**
 * Id of the last event that this state already contains; give it to `GET /api/events?after=`.
 */
last_event: string, };

/**
 * All resource templates, every page fetched.
 */
export type TemplateList = {
/**
 * The templates.
 */
templates: Array<TemplateView>,
/**
 * The server has more than the host was willing to fetch.
 */
truncated: boolean, };

/**
 * One resource template.
 */
export type TemplateView = {
/**
 * URI template (RFC 6570).
 */
uri_template: string,
/**
 * Name for programs.
 */
name: string,
/**
 * Name for people.
 */
title: string | null,
/**
 * What it is.
 */
description: string | null,
/**
 * Media type.
 */
mime_type: string | null,
/**
 * The variables of the template, in order; each can be completed.
 */
variables: Array<string>, };

/**
 * What a server says about the effects of a tool.
 */
export type ToolAnnotations = {
/**
 * Name for people.
 */
title: string | null,
/**
 * Changes nothing.
 */
read_only: boolean | null,
/**
 * May destroy something.
 */
destructive: boolean | null,
/**
 * Doing it twice is like doing it once.
 */
idempotent: boolean | null,
/**
 * Reaches beyond the server.
 */
open_world: boolean | null, };

/**
 * All tools, every page fetched, in the server's order.
 */
export type ToolList = {
/**
 * The tools.
 */
tools: Array<ToolView>,
/**
 * The server has more than the host was willing to fetch.
 */
truncated: boolean, };

/**
 * One tool.
 */
export type ToolView = {
/**
 * Name for programs.
 */
name: string,
/**
 * Name for people.
 */
title: string | null,
/**
 * What it does.
 */
description: string | null,
/**
 * JSON Schema of the arguments.
 */
input_schema: JsonValue,
/**
 * JSON Schema of the structured result.
 */
output_schema: JsonValue | null,
/**
 * Hints about its effects; never to be trusted for security.
 */
annotations: ToolAnnotations | null,
/**
 * Scopes that the tool needs and the token lacks, where the server tells: the first call will ask for them.
 */
missing_scopes: Array<string>,
/**
 * Icons.
 */
icons: Array<Icon>,
/**
 * The definition as it was on the wire.
 */
raw: JsonValue, };

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
url: string,
/**
 * Which era of the protocol to try; without it, `either`. The same URL in another era is another server.
 */
era?: Era,
/**
 * The newest revision to speak, e.g. `2025-03-26`: what `initialize` proposes. Without it, the newest there is; one
 * older than 2026-07-28 leaves the handshake only, whatever the era. The same URL with another is another server.
 */
newest?: string, };

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
 * A body as text.
 */
export type Body = {
/**
 * The media type without parameters, lower case; empty when there was none.
 */
media_type: string,
/**
 * The text, masked; absent when it is not text.
 */
text: string | null,
/**
 * How many bytes there were on the wire.
 */
bytes: number,
/**
 * Whether `text` is only the beginning.
 */
truncated: boolean, };

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
 * A section of a document, as a link.
 */
export type Citation = {
/**
 * `RFC 9728`, `MCP 2026-07-28`, …
 */
document: string,
/**
 * `§5.1`, `Streamable HTTP, Backward Compatibility`, …
 */
section: string,
/**
 * Where it can be read.
 */
url: string, };

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
 * One thing the client concluded.
 */
export type Conclusion = {
/**
 * What was decided.
 */
text: string,
/**
 * The rule that decided it.
 */
rule: Citation | null,
/**
 * Whether something was refused here, by us or by the other side.
 */
refused: boolean,
/**
 * With a refusal: what would make it pass.
 */
what_next: string | null, };

/**
 * The readable part of a JSON Web Token. The signature is never kept.
 */
export type DecodedToken = {
/**
 * Where it was, such as `request header authorization` or `response body access_token`.
 */
place: string,
/**
 * What stands at its place, so that the two can be matched.
 */
mask: string,
/**
 * The header.
 */
header: unknown,
/**
 * The claims; absent when they are encrypted.
 */
claims: unknown, };

/**
 * Which era of the protocol is tried with a server.
 */
export type Era = "either" | "modern" | "legacy";

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
list: ListKind, } | { "type": "resource_updated",
/**
 * Id of the server.
 */
server: string,
/**
 * URI of the resource.
 */
uri: string, } | { "type": "call",
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
exchange: ExchangeView, } | { "type": "exchange_streamed",
/**
 * Id of the server.
 */
server: string,
/**
 * Id of the exchange.
 */
exchange: string,
/**
 * What arrived.
 */
event: StreamEvent,
/**
 * So many of its older events were dropped in all.
 */
events_dropped: number, } | { "type": "exchange_finished",
/**
 * As it stays.
 */
exchange: ExchangeView, };

/**
 * One HTTP request and what became of it. Every text in it is masked; see [`crate::mask`].
 */
export type Exchange = {
/**
 * Unique within its recorder.
 */
id: string,
/**
 * When the request was sent: milliseconds since 1970-01-01T00:00:00Z.
 */
at: number,
/**
 * How long it took, in milliseconds; absent while it runs.
 */
duration_ms: number | null,
/**
 * Which part of the conversation it belongs to.
 */
phase: Phase,
/**
 * Which step of that part it is.
 */
step: Step,
/**
 * Who sent the request.
 */
from: Party,
/**
 * Who answered.
 */
to: Party,
/**
 * Whether it is running, finished or failed.
 */
status: Status,
/**
 * What was sent.
 */
request: Request,
/**
 * What came back; absent while nothing did.
 */
response: Response | null,
/**
 * Why nothing, or not all of it, came back.
 */
failure: Failure | null,
/**
 * The JSON-RPC side of it, when the body is a message.
 */
rpc: Rpc | null,
/**
 * What the step is, what was decided and why.
 */
narration: Narration,
/**
 * The exchange that this one repeats (after a refresh, with an answer, in another revision, …).
 */
repeats: string | null,
/**
 * What the caller named the work this belongs to, such as the id of a call.
 */
tag: string | null,
/**
 * The readable parts of the signed tokens that passed through, without their signatures.
 */
tokens: Array<DecodedToken>, };

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
exchange: Exchange, };

/**
 * Why there is no complete answer.
 */
export type Failure = {
/**
 * What kind of thing went wrong.
 */
kind: FailureKind,
/**
 * What the network said.
 */
message: string, };

/**
 * Kinds of failures below HTTP.
 */
export type FailureKind = "connect" | "timeout" | "broken" | "too_large" | "closed" | "forbidden";

/**
 * One header line.
 */
export type Header = {
/**
 * Lower case.
 */
name: string,
/**
 * Masked where it is a secret.
 */
value: string,
/**
 * Whether the protocol gives it a meaning here; the page shows these on top.
 */
matters: boolean, };

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
 * What is told about one exchange.
 */
export type Narration = {
/**
 * The step, in a few words.
 */
what: string,
/**
 * Why the client takes it.
 */
why: string,
/**
 * The rule that the step follows.
 */
rule: Citation | null,
/**
 * What the same step is in the other era, when it differs.
 */
other_era: string | null,
/**
 * What the client concluded from the answer, in order; empty while there is none.
 */
conclusions: Array<Conclusion>, };

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
 * A lane of the picture.
 */
export type Party = "browser" | "client" | "authorization_server" | "mcp_server";

/**
 * Which part of the conversation an exchange belongs to; the page groups by it.
 */
export type Phase = "discover" | "register" | "log_in" | "negotiate" | "list" | "call" | "stream" | "refresh" | "step_up" | "other";

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
 * A tool whose definition cannot be used.
 */
export type RejectedTool = {
/**
 * Its name.
 */
name: string,
/**
 * What is wrong with its definition.
 */
reason: string, };

/**
 * What was sent.
 */
export type Request = {
/**
 * `GET`, `POST`, `DELETE`.
 */
method: string,
/**
 * The full URL.
 */
url: string,
/**
 * The header lines in order.
 */
headers: Array<Header>,
/**
 * The body, if there was one.
 */
body: Body | null, };

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
 * What came back.
 */
export type Response = {
/**
 * The HTTP status.
 */
status: number,
/**
 * The header lines in order.
 */
headers: Array<Header>,
/**
 * The body of an answer that is not a stream.
 */
body: Body | null,
/**
 * The events of a stream, growing while it runs.
 */
events: Array<StreamEvent>,
/**
 * Older events that were dropped because of the bound.
 */
events_dropped: number,
/**
 * Milliseconds from the request to the first byte.
 */
first_byte_ms: number | null, };

/**
 * The JSON-RPC side of an exchange.
 */
export type Rpc = {
/**
 * The method; absent when the request is an answer to the server.
 */
method: string | null,
/**
 * The id as JSON text.
 */
id: string | null,
/**
 * The tool, resource or prompt.
 */
name: string | null,
/**
 * The protocol revision it was sent in.
 */
revision: string | null, };

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
 * Which era of the protocol is tried with it.
 */
era: Era,
/**
 * The newest revision that is spoken with it, e.g. `2025-03-26`; `null` is the newest there is.
 */
newest: string | null,
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
 * The answer of `/users/me/` on the server's origin, asked with the same token; `null` if there is no such resource, and of
 * servers that the operator has not named, which are not asked.
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
 * Scopes that the server's last challenge named (RFC 6750 `scope`); the next login asks for them.
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
 * Whether others than those can be added.
 */
any_server: boolean,
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
 * How far the exchange is.
 */
export type Status = "running" | "finished" | "failed";

/**
 * Every kind of request the client, or the browser on its behalf, makes.
 */
export type Step = "resource_metadata_named" | "resource_metadata_inserted" | "resource_metadata_root" | "server_metadata_oauth" | "server_metadata_openid" | "server_metadata_openid_appended" | "server_metadata_at_origin" | "provider_metadata" | "register" | "push_request" | "authorize" | "callback" | "redeem_code" | "begin_device" | "ask_for_device" | "client_credentials" | "exchange_token" | "redeem_assertion" | "refresh_token" | "revoke_token" | "discover" | "initialize" | "open_http_sse" | "initialized" | "list_tools" | "list_resources" | "list_resource_templates" | "list_prompts" | "list_skills" | "read_directory" | "call_tool" | "read_resource" | "get_prompt" | "get_skill" | "complete" | "answer_input" | "get_task" | "answer_task" | "cancel_task" | "answer_server" | "cancel" | "ping" | "set_log_level" | "subscribe" | "message" | "listen" | "open_stream" | "resume_stream" | "end_session" | "plain_resource" | "other";

/**
 * One server-sent event.
 */
export type StreamEvent = {
/**
 * Counts from 0 in its stream; dropped events keep their numbers.
 */
seq: number,
/**
 * Milliseconds since 1970-01-01T00:00:00Z.
 */
at: number,
/**
 * The `event` field.
 */
event: string | null,
/**
 * The `id` field.
 */
id: string | null,
/**
 * The `retry` field in milliseconds.
 */
retry: number | null,
/**
 * The data, masked.
 */
data: string,
/**
 * Whether `data` is only the beginning.
 */
truncated: boolean, };

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
 * The tools that can be called.
 */
tools: Array<ToolView>,
/**
 * The tools that were left out.
 */
rejected: Array<RejectedTool>,
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

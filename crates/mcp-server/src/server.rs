//! A server: what it is built from, and what all its requests share.

use std::future::Future;
use std::iter;
use std::ops::Deref;
use std::sync::Arc;
use std::time::SystemTime;

use arc_swap::ArcSwap;
use barewire_mcp::http::origin::{NotAnOrigin, Origin, OriginPolicy};
use barewire_mcp::server::Policy;
use barewire_mcp::types::apps;
use barewire_mcp::types::capabilities::{ListCapability, ResourcesCapability, ServerCapabilities};
use barewire_mcp::types::implementation::{Icon, Implementation};
use barewire_mcp::types::json::Object;
use barewire_mcp::types::skills;
use barewire_mcp::types::tasks;
use http::uri::PathAndQuery;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::ask::PendingAsks;
use crate::auth::{Guard, ResourceMetadata, ResourceServer, ResourceServerError, VerifiedTokens};
use crate::config::Limits;
use crate::context::Context;
use crate::drain::{Drain, Drained};
use crate::error::ToolError;
use crate::hub::{Hub, Publisher};
use crate::observer::{Observer, Offers};
use crate::registry::{
    self, App, CompletionInput, CompletionOf, CompletionOutput, PageRequest, Prompt, PromptArguments,
    PromptOutput, Registry, RegistryError, Resource, ResourceList, ResourceOutput, ResourcePage,
    ResourceTemplate, Skill, Tool, ToolOutput, UriVariables, insert_new,
};
use crate::replay::Replays;
use crate::running::RunningCalls;
use crate::seal::{KeyRing, Secret};
use crate::seldom::Seldom;
use crate::service::{Endpoint, McpService};
use crate::session::{InMemoryTerminations, SessionMemory, Terminations};
use crate::sse_transport::SseSessions;
use crate::statics::{About, Statics};
use crate::tasks::{TaskStore, Tasks};

/// The time, as a test may own it.
pub type Clock = Arc<dyn Fn() -> SystemTime + Send + Sync>;

/// An MCP server for every revision at once. Cheap to clone.
#[derive(Clone)]
pub struct McpServer {
    shared: Arc<Shared>,
    sse: Option<SseEndpoints>,
    /// `None` for a server that is not protected.
    metadata: Option<ResourceMetadata>,
}

/// Those of the transport of 2024-11-05.
#[derive(Clone)]
struct SseEndpoints {
    stream: Arc<Shared>,
    messages: Arc<Shared>,
}

/// The server at one of its endpoints: what all of them share, and what each says of itself.
pub(crate) struct Shared {
    core: Arc<Core>,
    pub(crate) endpoint: Endpoint,
    pub(crate) guard: Option<Guard>,
    pub(crate) observer: Option<Arc<dyn Observer>>,
}

impl Deref for Shared {
    type Target = Core;

    fn deref(&self) -> &Core {
        &self.core
    }
}

/// What all requests of one server share. Nothing in it changes a request's identity, and the hot path takes none of
/// its locks.
pub(crate) struct Core {
    /// Name and version only: goes into every result of 2026-07-28.
    pub(crate) short_info: Implementation,
    pub(crate) capabilities: ServerCapabilities,
    pub(crate) registry: Registry,
    pub(crate) policy: Policy,
    pub(crate) limits: Limits,
    pub(crate) keys: ArcSwap<KeyRing>,
    pub(crate) clock: Clock,
    pub(crate) hub: Arc<Hub>,
    pub(crate) memory: Arc<SessionMemory>,
    pub(crate) terminations: Arc<dyn Terminations>,
    pub(crate) pending: PendingAsks,
    pub(crate) running: RunningCalls,
    pub(crate) replays: Replays,
    pub(crate) sse_sessions: SseSessions,
    /// Where the server offers them.
    pub(crate) tasks: Option<Tasks>,
    /// Lines about a Host or an Origin that was refused.
    pub(crate) mismatches: Seldom,
    pub(crate) drain: Arc<Drain>,
    pub(crate) statics: Statics,
}

impl McpServer {
    /// Begins to build a server with this name and version.
    pub fn builder(name: impl Into<String>, version: impl Into<String>) -> McpServerBuilder {
        McpServerBuilder {
            info: Implementation::new(name, version),
            instructions: None,
            logging: false,
            extensions: Object::new(),
            registry: Registry::default(),
            auth: None,
            public_url: None,
            sse: None,
            origins: Vec::new(),
            limits: Limits::default(),
            keys: None,
            clock: Arc::new(SystemTime::now),
            terminations: None,
            tasks: None,
            observer: None,
            mistake: None,
        }
    }

    /// The server as a tower service over `http` types. Mount it at the path of its public URL; it answers below a
    /// nested path with and without the slash at the end.
    #[must_use]
    pub fn service(&self) -> McpService {
        McpService(self.shared.clone())
    }

    /// The endpoints of the transport of 2024-11-05 as tower services, that for streams and that for messages, to be
    /// mounted at the paths of [`McpServerBuilder::sse_transport`]; `None` where that was not called. Only the process
    /// that has a client's stream can take its messages, so a balancer has to keep them together.
    #[must_use]
    pub fn sse_services(&self) -> Option<(McpService, McpService)> {
        let SseEndpoints { stream, messages } = self.sse.clone()?;
        Some((McpService(stream), McpService(messages)))
    }

    /// The service that answers `/.well-known/oauth-protected-resource`; `None` for a server that is not protected.
    /// Mount it at each of [`ResourceMetadata::paths`].
    #[must_use]
    pub fn resource_metadata(&self) -> Option<ResourceMetadata> {
        self.metadata.clone()
    }

    /// The tokens that this server has found good, for what stands beside it with the same tokens: a REST API, say.
    /// `None` for a server that is not protected.
    #[must_use]
    pub fn verified_tokens(&self) -> Option<VerifiedTokens> {
        self.shared.guard.as_ref().map(|guard| guard.tokens.clone())
    }

    /// Tells clients that something changed.
    #[must_use]
    pub fn publish(&self) -> Publisher {
        Publisher(self.shared.hub.clone())
    }

    /// Puts other sealing keys in place, for rotation without a restart.
    pub fn rotate_keys(&self, keys: KeyRing) {
        self.shared.keys.store(Arc::new(keys));
    }

    /// Begins to stop: new requests are refused with 503, long-lived streams end with a word, and calls in flight go on.
    /// The future is ready when the last of them has been answered. Calling it again waits for the same end.
    pub fn drain(&self) -> Drained {
        self.shared.drain.begin();
        self.shared.hub.close();
        Drained(self.shared.drain.clone())
    }
}

/// A server to be. Mistakes are collected and reported by [`McpServerBuilder::build`].
pub struct McpServerBuilder {
    info: Implementation,
    instructions: Option<String>,
    logging: bool,
    extensions: Object,
    registry: Registry,
    auth: Option<ResourceServer>,
    public_url: Option<String>,
    sse: Option<(String, String)>,
    origins: Vec<String>,
    limits: Limits,
    keys: Option<KeyRing>,
    clock: Clock,
    terminations: Option<Arc<dyn Terminations>>,
    tasks: Option<Arc<dyn TaskStore>>,
    observer: Option<Arc<dyn Observer>>,
    mistake: Option<BuildError>,
}

/// Why a server cannot be built.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// Something that it offers.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// How it is protected.
    #[error(transparent)]
    ResourceServer(#[from] ResourceServerError),
    /// The public URL has no origin.
    #[error("the public URL is not an http or https URL")]
    PublicUrl(#[from] NotAnOrigin),
    /// A path of the transport of 2024-11-05.
    #[error(
        "{0:?} is not a path of this origin: it begins with one slash and has neither query nor fragment"
    )]
    SsePath(String),
    /// A declaration does not serialise.
    #[error("a declaration does not serialise")]
    Declaration(#[from] serde_json::Error),
    /// Something asks for scopes, and nobody checks them.
    #[error("{0} asks for scopes, but the server is not protected")]
    ScopesWithoutAuth(String),
}

impl McpServerBuilder {
    /// The name that people read.
    #[must_use]
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.info.title = Some(title.into());
        self
    }

    /// One sentence on what the server does.
    #[must_use]
    pub fn description(mut self, description: impl Into<String>) -> Self {
        self.info.description = Some(description.into());
        self
    }

    /// The server's site.
    #[must_use]
    pub fn website(mut self, url: impl Into<String>) -> Self {
        self.info.website_url = Some(url.into());
        self
    }

    /// Adds a picture.
    #[must_use]
    pub fn icon(mut self, icon: Icon) -> Self {
        self.info.icons.push(icon);
        self
    }

    /// How to use the server, for the model.
    #[must_use]
    pub fn instructions(mut self, instructions: impl Into<String>) -> Self {
        self.instructions = Some(instructions.into());
        self
    }

    /// Declares that handlers send log messages to clients. Without it, [`Context::log`] sends none.
    #[must_use]
    pub fn logging(mut self) -> Self {
        self.logging = true;
        self
    }

    /// Declares an extension of the protocol and its settings.
    #[must_use]
    pub fn extension(mut self, identifier: impl Into<String>, settings: Value) -> Self {
        self.extensions.insert(identifier.into(), settings);
        self
    }

    /// Adds a tool.
    #[must_use]
    pub fn tool<A, R, F, Fut>(mut self, tool: Tool, handler: F) -> Self
    where
        A: DeserializeOwned + JsonSchema + Send + 'static,
        R: ToolOutput,
        F: Fn(Context, A) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<R, ToolError>> + Send + 'static,
    {
        let name = tool.name().to_owned();
        let (typed, handler) = registry::tool_fn(name.clone(), handler);
        let added = tool
            .into_entry(typed, handler)
            .and_then(|entry| insert_new(&mut self.registry.tools, name, entry));
        self.note(added)
    }

    /// Adds a resource with a fixed address.
    #[must_use]
    pub fn resource<R, F, Fut>(mut self, resource: Resource, handler: F) -> Self
    where
        R: ResourceOutput,
        F: Fn(Context) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<R, ToolError>> + Send + 'static,
    {
        let uri = resource.uri().to_owned();
        let handler = registry::read_fn(uri.clone(), resource.mime(), handler);
        let added = insert_new(&mut self.registry.resources, uri, resource.into_entry(handler));
        self.note(added)
    }

    /// Adds a family of resources.
    #[must_use]
    pub fn resource_template<R, F, Fut>(mut self, template: ResourceTemplate, handler: F) -> Self
    where
        R: ResourceOutput,
        F: Fn(Context, UriVariables) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<R, ToolError>> + Send + 'static,
    {
        let handler = registry::template_fn(template.mime(), handler);
        let added = template.into_entry(handler).and_then(|entry| {
            insert_new(&mut self.registry.templates, entry.template.as_str().to_owned(), entry)
        });
        self.note(added)
    }

    /// Lists resources that come and go and may belong to people, after those with a fixed address. The handler is asked
    /// for one page at a time and gives what this caller may read; reading goes through the template.
    #[must_use]
    pub fn resources<F, Fut>(mut self, list: ResourceList, handler: F) -> Self
    where
        F: Fn(Context, PageRequest) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<ResourcePage, ToolError>> + Send + 'static,
    {
        let template = list.template().to_owned();
        let entry = list.into_entry(registry::list_fn(handler));
        let added = insert_new(&mut self.registry.resource_lists, template, entry);
        self.note(added)
    }

    /// Adds a prompt.
    #[must_use]
    pub fn prompt<R, F, Fut>(mut self, prompt: Prompt, handler: F) -> Self
    where
        R: PromptOutput,
        F: Fn(Context, PromptArguments) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<R, ToolError>> + Send + 'static,
    {
        let entry = prompt.into_entry(registry::prompt_fn(handler));
        let added = insert_new(&mut self.registry.prompts, entry.declared.name.clone(), entry);
        self.note(added)
    }

    /// Adds a skill. The server declares the extension then, with its optional reading of folders.
    #[must_use]
    pub fn skill(mut self, skill: Skill) -> Self {
        let added = self.registry.skills.add(skill, &mut self.registry.resources);
        self.note(added)
    }

    /// Adds an app, which tools can name then. The server declares the extension, and whoever does not is shown neither the app
    /// nor what is for apps only.
    #[must_use]
    pub fn app(mut self, app: App) -> Self {
        let added = app.into_entry().and_then(|(uri, entry)| {
            self.registry.has_apps = true;
            insert_new(&mut self.registry.resources, uri, entry)
        });
        self.note(added)
    }

    /// Completes an argument of a prompt or a variable of a template.
    #[must_use]
    pub fn completion<R, F, Fut>(mut self, of: CompletionOf, handler: F) -> Self
    where
        R: CompletionOutput,
        F: Fn(Context, CompletionInput) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<R, ToolError>> + Send + 'static,
    {
        self.registry.completions.insert(of, registry::complete_fn(handler));
        self
    }

    /// Protects the server. Its resource identifier is its public URL.
    #[must_use]
    pub fn auth(mut self, resource_server: ResourceServer) -> Self {
        self.auth = Some(resource_server);
        self
    }

    /// The public URL of a server that is not protected. Without it, the server answers to loopback names only.
    #[must_use]
    pub fn public_url(mut self, url: impl Into<String>) -> Self {
        self.public_url = Some(url.into());
        self
    }

    /// Offers the transport of 2024-11-05 too, for clients that know nothing newer: streams at one path, messages at the
    /// other, both as clients see them (`/sse` and `/messages`, behind whatever prefix there is).
    ///
    /// On a protected server `stream` is a resource of its own, on the same origin, since clients compare the resource
    /// with the URL they were given. Its metadata is among that of [`McpServer::resource_metadata`]; challenges of
    /// both endpoints name it; the authorization server has to know it, and the verifier has to take tokens for it
    /// ([`JwtVerifier::also_for`](crate::JwtVerifier::also_for)). A token that the verifier takes is good at every
    /// endpoint.
    #[must_use]
    pub fn sse_transport(mut self, stream: impl Into<String>, messages: impl Into<String>) -> Self {
        self.sse = Some((stream.into(), messages.into()));
        self
    }

    /// Lets pages of another origin in, for example `https://inspector.example.com`.
    #[must_use]
    pub fn allow_origin(mut self, origin: impl Into<String>) -> Self {
        self.origins.push(origin.into());
        self
    }

    /// Other limits than the default ones.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// The keys for what the server gives away. Replicas share them; without them, random ones are used, and sessions
    /// and half-answered calls do not survive a restart.
    #[must_use]
    pub fn keys(mut self, keys: KeyRing) -> Self {
        self.keys = Some(keys);
        self
    }

    /// Another clock than the system's.
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Where terminated sessions are remembered; in this process's memory unless said otherwise.
    #[must_use]
    pub fn terminations(mut self, terminations: impl Terminations) -> Self {
        self.terminations = Some(Arc::new(terminations));
        self
    }

    /// Offers tasks, and says where they are kept: handlers may go on after their call was answered
    /// ([`Context::start_task`]). Replicas share a store.
    #[must_use]
    pub fn tasks(mut self, store: impl TaskStore) -> Self {
        self.tasks = Some(Arc::new(store));
        self.extension(tasks::EXTENSION, Value::Object(Object::new()))
    }

    /// Who receives one record per request.
    #[must_use]
    pub fn observer(mut self, observer: impl Observer) -> Self {
        self.observer = Some(Arc::new(observer));
        self
    }

    /// Builds the server.
    ///
    /// # Errors
    /// The first mistake that was made on the way.
    pub fn build(self) -> Result<McpServer, BuildError> {
        if let Some(mistake) = self.mistake {
            return Err(mistake);
        }
        self.registry.check()?;
        if self.auth.is_none()
            && let Some(name) = self.registry.first_with_scopes()
        {
            return Err(BuildError::ScopesWithoutAuth(name.to_owned()));
        }
        let limits = self.limits;
        let keys = self.keys.unwrap_or_else(|| KeyRing::new(&Secret::random(), &[]));
        let begun = (self.clock)();
        let guard = self.auth.map(|auth| auth.into_guard(&limits, &keys, begun)).transpose()?;
        let public_url = guard.as_ref().map(|guard| guard.resource().as_str()).or(self.public_url.as_deref());
        let origins = match public_url {
            Some(url) => OriginPolicy::public(Origin::parse(url)?),
            None => OriginPolicy::loopback(),
        }
        .also_from(self.origins);

        let capabilities = capabilities(&self.registry, self.logging, self.extensions);
        let memory = Arc::new(SessionMemory::new(&limits));
        let short_info = Implementation::new(&self.info.name, &self.info.version);
        let about = About {
            info: &self.info,
            instructions: self.instructions.as_deref(),
            capabilities: &capabilities,
        };
        let statics = Statics::new(&about, &self.registry, guard.is_some(), &limits)?;
        if let Some(observer) = &self.observer {
            observer.attached(&Offers {
                tools: self.registry.tools.keys().map(String::as_str).collect(),
                prompts: self.registry.prompts.keys().map(String::as_str).collect(),
            });
        }
        let terminations = self
            .terminations
            .unwrap_or_else(|| Arc::new(InMemoryTerminations::new(limits.max_terminated_sessions)));
        let core = Arc::new(Core {
            short_info,
            capabilities,
            registry: self.registry,
            policy: Policy { origin: origins },
            keys: ArcSwap::from_pointee(keys),
            clock: self.clock,
            hub: Arc::new(Hub::new(memory.clone(), &limits)),
            memory,
            terminations,
            pending: PendingAsks::new(&limits),
            running: RunningCalls::new(&limits),
            replays: Replays::new(&limits),
            sse_sessions: SseSessions::new(&limits),
            tasks: self.tasks.map(|store| Tasks::new(store, &limits)),
            mismatches: Seldom::default(),
            drain: Arc::new(Drain::default()),
            statics,
            limits,
        });
        let main = Shared { core, endpoint: Endpoint::Mcp, guard, observer: self.observer };
        let sse = match &self.sse {
            Some((stream, messages)) => Some(main.sse_endpoints(stream, messages)?),
            None => None,
        };
        let streams = sse.as_ref().and_then(|sse| sse.stream.guard.as_ref());
        let metadata = main
            .guard
            .as_ref()
            .map(|guard| ResourceMetadata::of(iter::once(guard).chain(streams), main.observer.as_ref()));
        Ok(McpServer { shared: Arc::new(main), sse, metadata })
    }

    fn note(mut self, added: Result<(), RegistryError>) -> Self {
        if let Err(mistake) = added {
            self.mistake.get_or_insert(mistake.into());
        }
        self
    }
}

impl Shared {
    /// Whether a list is not to be given by one client to another.
    pub(crate) fn lists_are_private(&self) -> bool {
        self.guard.is_some() || self.registry.has_apps
    }

    pub(crate) fn now(&self) -> SystemTime {
        (self.clock)()
    }

    /// The same server at the endpoints of the transport of 2024-11-05. They are one resource, that of the stream: its
    /// URL is the one that clients are given.
    fn sse_endpoints(&self, stream: &str, messages: &str) -> Result<SseEndpoints, BuildError> {
        for path in [stream, messages] {
            if !is_path(path) {
                return Err(BuildError::SsePath(path.to_owned()));
            }
        }
        let resource = self.guard.as_ref().map(|guard| guard.at(stream)).transpose()?;
        let further = resource.as_ref().map(|guard| guard.also_at(messages)).transpose();
        let further = further.map_err(ResourceServerError::from)?;
        let at = |path: &str, endpoint, guard| {
            let observer = self.observer.as_ref();
            let observer = observer.map(|observer| observer.at(path).unwrap_or_else(|| observer.clone()));
            Arc::new(Shared { core: self.core.clone(), endpoint, guard, observer })
        };
        Ok(SseEndpoints {
            messages: at(messages, Endpoint::Messages, further),
            stream: at(stream, Endpoint::Sse { messages: messages.to_owned() }, resource),
        })
    }
}

/// Whether this is nothing but a path on an origin.
fn is_path(text: &str) -> bool {
    let parsed = PathAndQuery::try_from(text);
    let is_same = parsed.is_ok_and(|parsed| parsed.as_str() == text && parsed.query().is_none());
    is_same && text.starts_with('/') && !text.starts_with("//")
}

/// Everything that is there is declared, changes included: publishing one is always possible.
fn capabilities(registry: &Registry, logging: bool, mut extensions: Object) -> ServerCapabilities {
    if !registry.skills.entries.is_empty() {
        extensions.insert(skills::EXTENSION.to_owned(), json!({ skills::DIRECTORY_READ: true }));
    }
    if registry.has_apps {
        extensions.insert(apps::EXTENSION.to_owned(), Value::Object(Object::new()));
    }
    let list = || ListCapability { list_changed: true };
    let has_resources = !registry.resources.is_empty() || !registry.templates.is_empty();
    ServerCapabilities {
        logging: logging.then(Object::new),
        completions: (!registry.completions.is_empty()).then(Object::new),
        prompts: (!registry.prompts.is_empty()).then(list),
        resources: has_resources.then_some(ResourcesCapability { subscribe: true, list_changed: true }),
        tools: (!registry.tools.is_empty()).then(list),
        extensions,
        experimental: Object::new(),
    }
}

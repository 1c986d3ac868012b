//! The JSON API between the page and its host: every request and response type, and nothing that does work.
//!
//! All paths are below `/api`, on the host's own origin. The browser is known by the cookie `barewire_session`, over https
//! `__Host-barewire_session` (`HttpOnly`, so a script cannot read it); a request that changes something carries `X-Barewire: 1`. Times are
//! milliseconds since the Unix epoch. An answer that is not 2xx has an [`ErrorBody`].
//!
//! | verb and path | request | response |
//! |---|---|---|
//! | `GET /api/state` | | [`State`] |
//! | `POST /api/servers` | [`AddServer`] | [`ServerView`], connecting |
//! | `DELETE /api/servers/{id}` | | 204 |
//! | `POST /api/servers/{id}/connect` | | [`ServerView`] |
//! | `POST /api/servers/{id}/login` | [`StartLogin`] | [`LoginStarted`] |
//! | `POST /api/servers/{id}/logout` | | [`ServerView`] |
//! | `GET /api/servers/{id}/tools` | | [`ToolList`] |
//! | `GET /api/servers/{id}/resources` | | [`ResourceList`] |
//! | `GET /api/servers/{id}/templates` | | [`TemplateList`] |
//! | `GET /api/servers/{id}/prompts` | | [`PromptList`] |
//! | `POST /api/servers/{id}/complete` | [`Complete`] | [`Completion`] |
//! | `POST /api/servers/{id}/calls` | [`StartCall`] | [`CallView`], running |
//! | `GET /api/calls/{id}` | | [`CallView`] |
//! | `POST /api/calls/{id}/cancel` | | [`CallView`] |
//! | `POST /api/calls/{id}/answer` | [`Answer`] | [`CallView`] |
//! | `DELETE /api/calls/{id}` | | 204 (a finished call leaves the list) |
//! | `GET /api/exchanges?server={id}` | | [`ExchangeList`] |
//! | `DELETE /api/exchanges?server={id}` | | 204 (forgets the recorded exchanges) |
//! | `GET /api/exchanges/{id}/curl` | | `text/plain` |
//! | `GET /api/servers/{id}/export.har` | | `application/json`, as a download |
//! | `GET /api/events?after={event}` | | `text/event-stream` of [`Event`] |
//!
//! `web/src/api/types.ts` is generated from these types: the test in `api/typescript.rs` writes it when
//! `BAREWIRE_BLESS=1` is set, and fails when it is out of date.

mod call;
mod error;
mod event;
mod exchange;
mod listing;
mod server;
#[cfg(test)]
mod typescript;

pub use call::{
    Action, Answer, CallError, CallKind, CallResult, CallStatus, CallView, InputKind, InputRequest, LogLine,
    Progress, StartCall,
};
pub use error::{ErrorBody, ErrorCode};
pub use event::{Event, ListKind};
pub use exchange::{ExchangeList, ExchangeView};
pub use listing::{
    ArgumentView, Complete, CompleteReference, Completion, Icon, PromptList, PromptView, RejectedTool,
    ResourceList, ResourceView, TemplateList, TemplateView, ToolAnnotations, ToolList, ToolView,
};
pub use server::{
    AddServer, Authorization, ClientView, Era, Implementation, LoginStarted, Offered, Registration,
    ServerStatus, ServerStatusKind, ServerView, StartLogin, State,
};

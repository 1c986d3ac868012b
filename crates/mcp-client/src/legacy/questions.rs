//! What a server asks in the handshake era: requests of its own, on any stream.

use std::sync::{Arc, PoisonError};

use barewire_exchange::Step;
use barewire_mcp::client::legacy as message;
use barewire_mcp::error::{Error, code};
use barewire_mcp::jsonrpc::{ErrorObject, Id};
use barewire_mcp::types::json::RawJson;
use barewire_mcp::wire::v2025_11_25::ServerRequest;
use tokio_util::sync::CancellationToken;

use crate::authorized::Follow;
use crate::connection::{Connection, Spoken};
use crate::handler::{Asked, InputRefused};
use crate::input::{self, NoAnswer};
use crate::modern::unfit;
use crate::recording::Purpose;

/// So many questions of a server may be open at once; further ones are refused.
const MAX_QUESTIONS: usize = 32;

impl Connection {
    /// A question of the server: asked in the background, since the stream goes on meanwhile.
    pub(crate) fn asked(
        self: &Arc<Self>,
        id: Id,
        request: Result<ServerRequest, Error>,
        tag: Option<String>,
    ) {
        let Spoken::Legacy(legacy) = &self.spoken else { return };
        let withdrawn = CancellationToken::new();
        let full = {
            let mut questions = legacy.questions.lock().unwrap_or_else(PoisonError::into_inner);
            let full = questions.len() >= MAX_QUESTIONS;
            if !full {
                questions.insert(id.clone(), withdrawn.clone());
            }
            full
        };
        let connection = Arc::clone(self);
        tokio::spawn(async move {
            let answer = async {
                if full {
                    let busy = ErrorObject::new(code::INTERNAL_ERROR, "Too many questions at once");
                    return Err(Error::Application(Box::new(busy)));
                }
                connection.answer_legacy(&id, request, tag.clone()).await
            };
            let closed = connection.closed.clone();
            tokio::select! {
                () = closed.cancelled() => {}
                () = withdrawn.cancelled() => {}
                answer = answer => connection.send_answer(&id, answer, tag).await,
            }
            if let Spoken::Legacy(legacy) = &connection.spoken {
                legacy.questions.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
            }
        });
    }

    async fn answer_legacy(
        &self,
        id: &Id,
        request: Result<ServerRequest, Error>,
        tag: Option<String>,
    ) -> Result<RawJson, Error> {
        let Spoken::Legacy(legacy) = &self.spoken else { return Err(Error::Internal) };
        let request = match request? {
            ServerRequest::Ping => return Ok(RawJson::empty_object()),
            ServerRequest::Input(request) => *request,
        };
        let method = request.method();
        let asked = Asked { key: id.to_string(), tag };
        input::answer(&*self.options.handler, legacy.session().revision, asked, request).await.map_err(
            |refusal| match refusal {
                NoAnswer::Undeclared | NoAnswer::Refused(InputRefused::Unsupported) => {
                    Error::MethodNotFound { method: method.to_owned() }
                }
                // -1 is what the specification's own example of a rejected sampling request has.
                NoAnswer::Refused(InputRefused::Declined) => {
                    Error::Application(Box::new(ErrorObject::new(-1, "User rejected the request")))
                }
                NoAnswer::Unwritable => Error::Internal,
            },
        )
    }

    async fn send_answer(&self, id: &Id, answer: Result<RawJson, Error>, tag: Option<String>) {
        let Spoken::Legacy(legacy) = &self.spoken else { return };
        let session = legacy.session();
        let mut purpose = Purpose::of(Step::AnswerServer);
        purpose.tag = tag.or_else(|| self.options.tag.clone());
        let sent = self
            .post(Follow::Renewals, &purpose, &legacy.endpoint(&self.url), || match &answer {
                Ok(result) => message::response(id, result, &session).map_err(|fault| unfit(&fault)),
                Err(error) => Ok(message::refusal(id, error, &session)),
            })
            .await;
        match sent {
            Ok((mut reply, _)) if !reply.is_stream() => {
                reply.excerpt().await;
            }
            Ok(_) => {}
            Err(error) => tracing::debug!(%error, "the answer did not arrive"),
        }
    }

    /// The server does not need an answer any more.
    pub(crate) fn withdrawn(&self, id: &Id) {
        if let Spoken::Legacy(legacy) = &self.spoken
            && let Some(question) = legacy.questions.lock().unwrap_or_else(PoisonError::into_inner).remove(id)
        {
            question.cancel();
        }
    }
}

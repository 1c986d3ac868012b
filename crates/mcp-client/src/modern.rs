//! Requests of the modern era: one POST each, and again with answers when the server needs some.

use std::sync::Arc;

use barewire_exchange::{Decision, Step};
use barewire_mcp::client;
use barewire_mcp::error::code;
use barewire_mcp::http::mirrored::MirroredParams;
use barewire_mcp::revision::Revision;
use barewire_mcp::types::input::{InputAnswers, InputRequired};
use barewire_mcp::types::operation::{Operation, Outcome};
use barewire_mcp::wire::v2026_07_28::{self as wire, ClientMeta, Request};
use futures_util::future::join_all;

use crate::authorized::Follow;
use crate::client::CallOptions;
use crate::connection::{Connection, Done, Pending, Response, conclude, not_mcp, purpose, step_of};
use crate::error::{Answered, CallError};
use crate::handler::{Asked, InputRefused};
use crate::input::{self, NoAnswer};

impl Connection {
    /// Does an operation: rounds of questions included, and once again when the server expects other headers. A call may
    /// come back as a task.
    pub(crate) async fn run_modern(
        self: &Arc<Self>,
        revision: Revision,
        mut operation: Operation,
        call: &CallOptions,
    ) -> Result<Done, CallError> {
        let mut rounds = 0;
        let mut relisted = false;
        let mut repeats: Option<String> = None;
        loop {
            let step = if rounds > 0 { Step::AnswerInput } else { step_of(&operation) };
            let request = Request::Operation(operation);
            let response = self.ask_modern(revision, step, &request, call, repeats.take()).await;
            let Request::Operation(asked) = request else { unreachable!("it is made three lines above") };
            operation = asked;
            let Response { outcome, recording } = response?;
            let result = match outcome {
                Ok(result) => result,
                // The tool's definition changed since it was listed, or it never was.
                Err(error) if error.code == code::HEADER_MISMATCH && is_call(&operation) && !relisted => {
                    relisted = true;
                    recording.decide(&Decision::HeadersRefused);
                    repeats = recording.id();
                    Box::pin(self.list_tools()).await?;
                    continue;
                }
                Err(error) => return Err(CallError::Rpc(error)),
            };
            let decoded = wire::decode_result(&operation, result.as_raw()).map_err(|fault| {
                CallError::Malformed { method: operation.method().to_owned(), detail: fault.to_string() }
            })?;
            let required = match decoded.outcome {
                Outcome::InputRequired(required) => required,
                Outcome::Task(result) => {
                    recording.decide(&Decision::BecameTask);
                    return Ok(Done { outcome: Outcome::Task(result), recording });
                }
                outcome => {
                    conclude(&outcome, &recording);
                    return Ok(Done { outcome, recording });
                }
            };
            rounds += 1;
            if rounds > self.options.config.max_input_rounds {
                recording.decide(&Decision::InputLimit { rounds: rounds - 1 });
                return Err(CallError::TooManyRounds { rounds: rounds - 1 });
            }
            recording.decide(&Decision::InputRequired { questions: required.requests.len(), round: rounds });
            repeats = recording.id();
            drop(recording);
            let answers = self.answer_all(revision, required, call.tag.as_deref()).await?;
            with_answers(&mut operation, answers);
        }
    }

    /// Sends one request and reads its response.
    pub(crate) async fn ask_modern(
        self: &Arc<Self>,
        revision: Revision,
        step: Step,
        request: &Request,
        call: &CallOptions,
        repeats: Option<String>,
    ) -> Result<Response, CallError> {
        let (mirrored, is_call) = match request {
            Request::Operation(operation) => (self.mirrored(operation)?, is_call(operation)),
            _ => (MirroredParams::default(), false),
        };
        let tag = call.tag.as_deref().or(self.options.tag.as_deref());
        let id = self.next_id();
        let _running = self.follow_progress(&id, call.tag.as_deref());
        let capabilities = self.options.capabilities();
        // Whoever names no work follows no progress, and then the server need not send any.
        let follows = is_call || (call.tag.is_some() && matches!(request, Request::Operation(_)));
        let meta = ClientMeta {
            revision,
            client_info: &self.options.identity,
            client_capabilities: &capabilities,
            log_level: call.log_level,
            progress_token: follows.then_some(&id),
            extra: None,
        };
        let mut purpose = purpose(step, request.method(), Some(&id), request.name(), Some(revision), tag);
        purpose.repeats = repeats;
        let (reply, _) = self
            .post(Follow::Everything, &purpose, &self.url, || {
                client::modern::request(&id, request, &meta, &mirrored).map_err(|fault| unfit(&fault))
            })
            .await?;
        let pending = Pending { id: &id, method: request.method(), tag: call.tag.as_deref() };
        self.read_modern(revision, &pending, reply).await
    }

    /// Reads the response to a request, whichever way it comes.
    pub(crate) async fn read_modern(
        self: &Arc<Self>,
        revision: Revision,
        pending: &Pending<'_>,
        mut reply: crate::transport::Reply,
    ) -> Result<Response, CallError> {
        if reply.is_stream() {
            let mut events = reply.events(self.options.config.max_answer_bytes);
            while let Some(event) = events.next().await.map_err(CallError::Transport)? {
                if let Some(outcome) = self.read_event(revision, Some(pending), &events, &event.data)? {
                    events.recording.finish();
                    return Ok(Response { outcome, recording: events.recording });
                }
            }
            return Err(CallError::Http(Answered::StreamEnded));
        }
        if reply.media_type() == "application/json" {
            return self.read_message(revision, pending, &mut reply).await;
        }
        Err(not_mcp(reply).await)
    }

    /// Gets all answers, at the same time: the user sees all questions at once.
    pub(crate) async fn answer_all(
        &self,
        revision: Revision,
        required: InputRequired,
        tag: Option<&str>,
    ) -> Result<InputAnswers, CallError> {
        let InputRequired { requests, state } = required;
        let handler = &*self.options.handler;
        let answers = requests.into_iter().map(|(key, request)| async move {
            let method = request.method();
            let asked = Asked { key: key.clone(), tag: tag.map(str::to_owned) };
            match input::answer(handler, revision, asked, request).await {
                Ok(answer) => Ok((key, answer)),
                // There is no way to tell the server "no" here but not to send the request again.
                Err(NoAnswer::Refused(InputRefused::Declined)) => Err(CallError::Cancelled),
                Err(
                    NoAnswer::Undeclared
                    | NoAnswer::Refused(InputRefused::Unsupported)
                    | NoAnswer::Unwritable,
                ) => Err(CallError::Undeclared { method: method.to_owned() }),
            }
        });
        let responses = join_all(answers).await.into_iter().collect::<Result<_, _>>()?;
        Ok(InputAnswers { responses, state })
    }
}

pub(crate) fn unfit(fault: &client::BuildFault) -> CallError {
    let detail = match std::error::Error::source(fault) {
        Some(source) => format!("{fault}: {source}"),
        None => fault.to_string(),
    };
    CallError::Transport(crate::error::TransportError::Request { detail })
}

fn is_call(operation: &Operation) -> bool {
    matches!(operation, Operation::CallTool(_))
}

/// Puts the answers into the request that is sent again. Those of an earlier round belong to that round only, and so
/// does its state
/// ([Client requirements](https://modelcontextprotocol.io/specification/2026-07-28/basic/patterns/mrtr#client-requirements-basic-workflow)).
fn with_answers(operation: &mut Operation, answers: InputAnswers) {
    match operation {
        Operation::CallTool(request) => request.answers = answers,
        Operation::ReadResource(request) => request.answers = answers,
        Operation::GetPrompt(request) => request.answers = answers,
        Operation::ListTools(_)
        | Operation::ListResources(_)
        | Operation::ListResourceTemplates(_)
        | Operation::ListPrompts(_)
        | Operation::Complete(_)
        | Operation::Skills(_) => {}
    }
}

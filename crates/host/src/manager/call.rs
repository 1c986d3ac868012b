//! One call as it is shown, with what reaches into it from the page: cancellation and answers.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Map, Value};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use crate::api::{
    Answer, CallError, CallKind, CallResult, CallStatus, CallView, Event, InputKind, InputRequest, LogLine,
    Progress, StartCall,
};
use crate::config::Limits;
use crate::error::ApiError;
use crate::events::EventLog;
use crate::random;

/// Exchanges that are named with a call; a stream that is resumed again and again makes one each time.
const EXCHANGES: usize = 500;

/// A call of a session.
pub(crate) struct Call {
    id: String,
    server: String,
    request: StartCall,
    events: Arc<EventLog>,
    logs: usize,
    questions: usize,
    cancelled: CancellationToken,
    state: Mutex<State>,
}

struct State {
    view: CallView,
    /// Who waits for the answer to which question.
    waiting: HashMap<String, oneshot::Sender<Answer>>,
    /// What it is as JSON.
    bytes: usize,
    /// The page was told that it left the list; nothing is told of it after that.
    gone: bool,
}

impl Call {
    pub(crate) fn new(
        server: &str,
        request: StartCall,
        now: u64,
        limits: &Limits,
        events: Arc<EventLog>,
        parent: &CancellationToken,
    ) -> Arc<Self> {
        let id = random::id("c");
        let (kind, name, arguments) = parts(&request);
        let view = CallView {
            id: id.clone(),
            server: server.to_owned(),
            kind,
            name,
            arguments,
            status: CallStatus::Running,
            started_at: now,
            finished_at: None,
            progress: None,
            logs: Vec::new(),
            result: None,
            error: None,
            exchanges: Vec::new(),
        };
        let call = Self {
            id,
            server: server.to_owned(),
            request,
            events,
            logs: limits.logs_per_call,
            questions: limits.questions_per_call,
            cancelled: parent.child_token(),
            state: Mutex::new(State { view, waiting: HashMap::new(), bytes: 0, gone: false }),
        };
        let call = Arc::new(call);
        call.publish();
        call
    }

    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    pub(crate) fn server(&self) -> &str {
        &self.server
    }

    pub(crate) fn request(&self) -> &StartCall {
        &self.request
    }

    pub(crate) fn view(&self) -> CallView {
        self.lock().view.clone()
    }

    pub(crate) fn is_finished(&self) -> bool {
        is_finished(&self.lock().view.status)
    }

    /// What it is as JSON: arguments, logs and result.
    pub(crate) fn bytes(&self) -> usize {
        self.lock().bytes
    }

    /// It is on the wire, and does not wait for a person.
    pub(crate) fn is_running(&self) -> bool {
        self.lock().view.status == CallStatus::Running
    }

    /// Scopes that it waits for, if it waits for scopes.
    pub(crate) fn scopes_wanted(&self) -> Option<Vec<String>> {
        match &self.lock().view.status {
            CallStatus::ScopeRequired { scopes, .. } => Some(scopes.clone()),
            _ => None,
        }
    }

    /// Ends when somebody cancels.
    pub(crate) fn cancelled(&self) -> &CancellationToken {
        &self.cancelled
    }

    /// What runs stops and says so; what only waits for a login is cancelled at once.
    pub(crate) fn cancel(&self, now: u64) {
        self.cancelled.cancel();
        if self.scopes_wanted().is_some() {
            self.was_cancelled(now);
        }
    }

    /// It left the list: nothing is told of it any more. With its server it goes without a word.
    pub(crate) fn retire(&self, tell: bool) {
        let mut state = self.lock();
        state.gone = true;
        if tell {
            self.events.publish(&Event::CallRemoved { call: self.id.clone() });
        }
    }

    pub(crate) fn runs(&self) {
        self.update(|view| view.status = CallStatus::Running);
    }

    pub(crate) fn progressed(&self, progress: Progress) {
        self.update(|view| view.progress = Some(progress));
    }

    pub(crate) fn logged(&self, line: LogLine) {
        let limit = self.logs;
        self.update(|view| {
            view.logs.push(line);
            let over = view.logs.len().saturating_sub(limit);
            view.logs.drain(..over);
        });
    }

    /// Notes an exchange that was made for it.
    pub(crate) fn exchanged(&self, id: &str) {
        if self.lock().view.exchanges.iter().any(|it| it == id) {
            return;
        }
        self.change(|view| {
            view.exchanges.push(id.to_owned());
            // The log of exchanges is bounded too; what fell out of it needs no mention.
            let over = view.exchanges.len().saturating_sub(EXCHANGES);
            view.exchanges.drain(..over);
        });
    }

    pub(crate) fn scope_required(&self, scopes: Vec<String>, message: String) {
        self.update(|view| view.status = CallStatus::ScopeRequired { scopes, message });
    }

    pub(crate) fn done(&self, result: CallResult, now: u64) {
        self.finish(CallStatus::Done, Some(result), None, now);
    }

    pub(crate) fn failed(&self, error: CallError, now: u64) {
        self.finish(CallStatus::Failed, None, Some(error), now);
    }

    pub(crate) fn was_cancelled(&self, now: u64) {
        self.finish(CallStatus::Cancelled, None, None, now);
    }

    /// Asks the person; the answer comes when it comes. `None` if too many questions are open.
    pub(crate) fn ask(&self, key: &str, input: InputKind) -> Option<oneshot::Receiver<Answer>> {
        let (answer, answered) = oneshot::channel();
        let request = InputRequest { key: key.to_owned(), input };
        let mut state = self.lock();
        if state.waiting.len() >= self.questions {
            return None;
        }
        state.waiting.insert(key.to_owned(), answer);
        drop(state);
        self.update(|view| match &mut view.status {
            CallStatus::InputRequired { requests } => {
                requests.retain(|it| it.key != request.key);
                requests.push(request);
            }
            status => *status = CallStatus::InputRequired { requests: vec![request] },
        });
        Some(answered)
    }

    /// Takes a question back that nobody waits for any more.
    pub(crate) fn withdraw(&self, key: &str) {
        let mut state = self.lock();
        state.waiting.remove(key);
        let known = answered(&mut state.view.status, key);
        drop(state);
        if known {
            self.publish();
        }
    }

    /// Hands the person's answer to who asked.
    pub(crate) fn answer(&self, answer: Answer) -> Result<(), ApiError> {
        let mut state = self.lock();
        let Some(waiting) = state.waiting.remove(&answer.key) else {
            return Err(ApiError::Conflict {
                message: "this question is not open (any more)".to_owned(),
                what_next: Some("Look at the call: it may have been answered in another tab.".to_owned()),
            });
        };
        answered(&mut state.view.status, &answer.key);
        drop(state);
        self.publish();
        // Who asked may have gone in this very moment; then the call has ended and says so itself.
        let _ = waiting.send(answer);
        Ok(())
    }

    fn finish(&self, status: CallStatus, result: Option<CallResult>, error: Option<CallError>, now: u64) {
        self.lock().waiting.clear();
        self.update(|view| {
            view.status = status;
            view.result = result;
            view.error = error;
            view.finished_at = Some(now);
        });
    }

    /// Changes what is not finished; what is, stays as it is.
    fn update(&self, change: impl FnOnce(&mut CallView)) {
        if !self.is_finished() {
            self.change(change);
        }
    }

    fn change(&self, change: impl FnOnce(&mut CallView)) {
        change(&mut self.lock().view);
        self.publish();
    }

    fn publish(&self) {
        // Inside the lock, so that an older state is never told after a newer one.
        let mut state = self.lock();
        if !state.gone {
            state.bytes = self.events.publish(&Event::Call { call: Box::new(state.view.clone()) });
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_finished(status: &CallStatus) -> bool {
    matches!(status, CallStatus::Done | CallStatus::Failed | CallStatus::Cancelled)
}

/// Takes the question out of the open ones. Without any left the call runs.
fn answered(status: &mut CallStatus, key: &str) -> bool {
    let CallStatus::InputRequired { requests } = status else { return false };
    let before = requests.len();
    requests.retain(|it| it.key != key);
    let known = requests.len() < before;
    if requests.is_empty() {
        *status = CallStatus::Running;
    }
    known
}

fn parts(request: &StartCall) -> (CallKind, String, Map<String, Value>) {
    match request {
        StartCall::Tool { name, arguments } => (CallKind::Tool, name.clone(), arguments.clone()),
        StartCall::Resource { uri } => (CallKind::Resource, uri.clone(), Map::new()),
        StartCall::Prompt { name, arguments } => (CallKind::Prompt, name.clone(), arguments.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::Action;

    fn call(logs: usize) -> Arc<Call> {
        let request = StartCall::Tool { name: "echo".to_owned(), arguments: Map::new() };
        let events = Arc::new(EventLog::new(100, 1 << 20));
        let limits = Limits { logs_per_call: logs, questions_per_call: 2, ..Limits::default() };
        Call::new("s1", request, 1, &limits, events, &CancellationToken::new())
    }

    fn ask(call: &Call, key: &str) -> oneshot::Receiver<Answer> {
        let input = InputKind::Url { message: "go".to_owned(), url: "http://localhost/".to_owned() };
        call.ask(key, input).unwrap()
    }

    fn answer(key: &str) -> Answer {
        Answer { key: key.to_owned(), action: Action::Accept, content: None }
    }

    fn keys(call: &Call) -> Vec<String> {
        match call.view().status {
            CallStatus::InputRequired { requests } => requests.into_iter().map(|it| it.key).collect(),
            CallStatus::Running => Vec::new(),
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn each_question_is_answered_once_and_then_it_runs_on() {
        let call = call(10);
        let (one, two) = (ask(&call, "1"), ask(&call, "2"));
        assert_eq!(keys(&call), ["1", "2"]);
        call.answer(answer("1")).unwrap();
        assert_eq!(keys(&call), ["2"]);
        assert!(matches!(call.answer(answer("1")), Err(ApiError::Conflict { .. })));
        call.answer(answer("2")).unwrap();
        assert_eq!(call.view().status, CallStatus::Running);
        assert_eq!((one.await.unwrap(), two.await.unwrap()), (answer("1"), answer("2")));
    }

    #[test]
    fn open_questions_are_bounded() {
        let call = call(10);
        let _open = (ask(&call, "1"), ask(&call, "2"));
        let input = InputKind::Sampling { params: Value::Null };
        assert!(call.ask("3", input).is_none());
        assert_eq!(keys(&call), ["1", "2"]);
    }

    #[test]
    fn a_question_that_nobody_waits_for_is_taken_back() {
        let call = call(10);
        drop(ask(&call, "1"));
        call.withdraw("1");
        assert_eq!(call.view().status, CallStatus::Running);
        assert!(call.answer(answer("1")).is_err());
    }

    #[test]
    fn what_has_ended_stays_as_it_ended() {
        let call = call(10);
        let _open = ask(&call, "1");
        call.was_cancelled(2);
        call.done(CallResult::Resource { contents: Vec::new() }, 3);
        call.progressed(Progress { progress: 1.0, total: None, message: None });
        call.runs();
        let view = call.view();
        assert_eq!((view.status, view.finished_at), (CallStatus::Cancelled, Some(2)));
        assert_eq!((view.result, view.progress), (None, None));
        assert!(call.answer(answer("1")).is_err());
        // Its last exchange is recorded after the answer was read.
        call.exchanged("x1");
        assert_eq!(call.view().exchanges, ["x1"]);
    }

    #[test]
    fn a_call_that_waits_for_a_login_is_cancelled_at_once() {
        let call = call(10);
        call.scope_required(vec!["posts:write".to_owned()], "more".to_owned());
        call.cancel(5);
        assert_eq!(call.view().status, CallStatus::Cancelled);
    }

    #[test]
    fn log_lines_are_bounded() {
        let call = call(2);
        for at in 0..5 {
            call.logged(LogLine { at, level: "info".to_owned(), logger: None, data: Value::Null });
        }
        assert_eq!(call.view().logs.iter().map(|it| it.at).collect::<Vec<_>>(), [3, 4]);
    }
}

//! What is kept of a task, and how it may change. No I/O.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use barewire_mcp::error::InvalidParams;
use barewire_mcp::jsonrpc::ErrorObject;
use barewire_mcp::types::elicitation::ElicitResult;
use barewire_mcp::types::input::{InputRequest, InputRequests};
use barewire_mcp::types::json::RawJson;
use barewire_mcp::types::roots::ListRootsResult;
use barewire_mcp::types::sampling::CreateMessageResult;
use barewire_mcp::types::tasks::{Task, TaskState};
use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use super::store::StoredTask;
use crate::form;

/// A task as this crate sees it; [`StoredTask`] is the same as a store sees it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Record {
    /// Who may ask about it: [`Principal::binding`](crate::Principal).
    pub(super) owner: Vec<u8>,
    account: Vec<u8>,
    version: u64,
    created_at: SystemTime,
    expires_at: SystemTime,
    alive_until: SystemTime,
    /// The tool that was called: its rule holds for everything that is asked about the task.
    pub(super) tool: String,
    /// What the client answered. A key that is here is never asked again.
    answers: IndexMap<String, RawJson>,
    /// What the client sees of it.
    pub(super) task: Task<TaskState>,
}

/// The part of a record that only this crate reads.
#[derive(Serialize, Deserialize)]
struct Document {
    tool: String,
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    answers: IndexMap<String, RawJson>,
    task: Task<TaskState>,
}

/// What a record begins with.
pub(super) struct Birth {
    pub(super) id: String,
    pub(super) owner: Vec<u8>,
    pub(super) account: Vec<u8>,
    pub(super) tool: String,
    pub(super) message: Option<String>,
    pub(super) now: SystemTime,
    /// How long it is kept from now on.
    pub(super) keep: Duration,
    /// How long its worker counts as alive without a word.
    pub(super) lease: Duration,
    pub(super) poll_interval: Duration,
}

/// A document that this version cannot read.
#[derive(Debug, thiserror::Error)]
#[error("a stored task cannot be read")]
pub(super) struct Unreadable(#[source] serde_json::Error);

impl Record {
    pub(super) fn new(birth: Birth) -> Self {
        let Birth { id, owner, account, tool, message, now, keep, lease, poll_interval } = birth;
        Self {
            owner,
            account,
            version: 1,
            created_at: now,
            expires_at: now + keep,
            alive_until: now + lease,
            tool,
            answers: IndexMap::new(),
            task: Task {
                task_id: id,
                state: TaskState::Working,
                status_message: message,
                created_at: text(now),
                last_updated_at: text(now),
                ttl_ms: Some(millis(keep)),
                poll_interval_ms: Some(millis(poll_interval)),
            },
        }
    }

    pub(super) fn read(stored: StoredTask) -> Result<Self, Unreadable> {
        let Document { tool, answers, task } = serde_json::from_str(&stored.document).map_err(Unreadable)?;
        let StoredTask { owner, account, version, created_at, expires_at, alive_until, .. } = stored;
        Ok(Self { owner, account, version, created_at, expires_at, alive_until, tool, answers, task })
    }

    pub(super) fn stored(&self) -> StoredTask {
        let (tool, answers, task) = (self.tool.clone(), self.answers.clone(), self.task.clone());
        StoredTask {
            id: self.task.task_id.clone(),
            owner: self.owner.clone(),
            account: self.account.clone(),
            version: self.version,
            created_at: self.created_at,
            expires_at: self.expires_at,
            alive_until: self.alive_until,
            finished: self.task.state.is_final(),
            document: serde_json::to_string(&Document { tool, answers, task })
                .expect("text, numbers and JSON that is already written always serialise"),
        }
    }

    pub(super) fn is_expired(&self, now: SystemTime) -> bool {
        self.expires_at <= now
    }

    /// Whether it should be at work, and its worker has not been heard of for too long.
    pub(super) fn is_abandoned(&self, now: SystemTime) -> bool {
        !self.task.state.is_final() && self.alive_until <= now
    }

    pub(super) fn answer_to(&self, key: &str) -> Option<&RawJson> {
        self.answers.get(key)
    }

    /// Adds a question.
    pub(super) fn ask(&mut self, key: &str, request: &InputRequest, now: SystemTime) -> Change {
        if self.task.state.is_final() || self.answers.contains_key(key) {
            return Change::None;
        }
        match &mut self.task.state {
            TaskState::InputRequired(requests) if requests.contains_key(key) => return Change::None,
            TaskState::InputRequired(requests) => drop(requests.insert(key.to_owned(), request.clone())),
            state => {
                let requests: InputRequests = [(key.to_owned(), request.clone())].into_iter().collect();
                *state = TaskState::InputRequired(requests);
            }
        }
        self.changed(now)
    }

    /// Takes a question back that nobody waits for any more.
    pub(super) fn withdraw(&mut self, key: &str, now: SystemTime) -> Change {
        let TaskState::InputRequired(requests) = &mut self.task.state else { return Change::None };
        if requests.shift_remove(key).is_none() {
            return Change::None;
        }
        if requests.is_empty() {
            self.task.state = TaskState::Working;
        }
        self.changed(now)
    }

    /// Takes the client's answers. Those to questions that are not open are ignored.
    ///
    /// # Errors
    /// An answer does not fit its question, which stays open. None of the others is taken either.
    pub(super) fn answer(
        &mut self,
        responses: &IndexMap<String, RawJson>,
        now: SystemTime,
    ) -> Result<Change, InvalidParams> {
        let TaskState::InputRequired(requests) = &mut self.task.state else { return Ok(Change::None) };
        let unfit = |(key, raw): &(&String, &RawJson)| {
            requests.get(*key).is_some_and(|question| !fits(question, raw))
        };
        if let Some((key, _)) = responses.iter().find(unfit) {
            return Err(InvalidParams::InputResponse { key: key.clone() });
        }
        let before = self.answers.len();
        for (key, raw) in responses {
            if requests.shift_remove(key).is_some() {
                self.answers.insert(key.clone(), raw.clone());
            }
        }
        if self.answers.len() == before {
            return Ok(Change::None);
        }
        if requests.is_empty() {
            self.task.state = TaskState::Working;
        }
        Ok(self.changed(now))
    }

    /// Says how far it is.
    pub(super) fn report(&mut self, message: &str, now: SystemTime) -> Change {
        if self.task.state.is_final() || self.task.status_message.as_deref() == Some(message) {
            return Change::None;
        }
        self.task.status_message = Some(message.to_owned());
        self.changed(now)
    }

    /// Ends it, if it has not ended yet; from now on its end is kept for a while.
    pub(super) fn end(&mut self, state: TaskState, now: SystemTime, keep: Duration) -> Change {
        if self.task.state.is_final() {
            return Change::None;
        }
        self.task.status_message = match &state {
            TaskState::Failed(error) => Some(error.message.clone()),
            _ => None,
        };
        self.task.state = state;
        self.answers = IndexMap::new();
        self.expires_at = now + keep;
        let lived = now.duration_since(self.created_at).unwrap_or_default();
        self.task.ttl_ms = Some(millis(lived.saturating_add(keep)));
        self.changed(now)
    }

    fn changed(&mut self, now: SystemTime) -> Change {
        self.version += 1;
        self.task.last_updated_at = text(now);
        Change::Made
    }
}

/// Whether there is something to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    None,
    Made,
}

/// What a client reads of a task whose worker is gone.
pub(super) fn interrupted() -> TaskState {
    let code = barewire_mcp::error::code::INTERNAL_ERROR;
    TaskState::Failed(ErrorObject::new(code, "The server was interrupted while it worked on this"))
}

fn fits(question: &InputRequest, raw: &RawJson) -> bool {
    raw.is_object()
        && match question {
            InputRequest::Elicit(request) => {
                raw.decode::<ElicitResult>().is_ok_and(|result| form::fits(request, &result))
            }
            InputRequest::Sample(_) => raw.decode::<CreateMessageResult>().is_ok(),
            InputRequest::Roots(_) => raw.decode::<ListRootsResult>().is_ok(),
        }
}

/// A time as the wire has it. A clock before 1970 is a clock that was never set.
fn text(at: SystemTime) -> String {
    humantime::format_rfc3339_millis(at.max(UNIX_EPOCH)).to_string()
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use barewire_mcp::types::elicitation::{ElicitRequest, ElicitSchema, StringSchema};
    use barewire_mcp::types::tasks::TaskStatus;
    use serde_json::{Value, json};

    use super::*;

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    fn record() -> Record {
        Record::new(Birth {
            id: "t1".into(),
            owner: b"alice at a client".to_vec(),
            account: b"alice".to_vec(),
            tool: "export".into(),
            message: None,
            now: at(0),
            keep: Duration::from_secs(60),
            lease: Duration::from_secs(5),
            poll_interval: Duration::from_secs(1),
        })
    }

    fn question() -> InputRequest {
        let form = ElicitSchema::new().required("name", StringSchema::default());
        InputRequest::Elicit(ElicitRequest::form("Who?", form))
    }

    fn responses(all: &[(&str, Value)]) -> IndexMap<String, RawJson> {
        all.iter().map(|(key, answer)| ((*key).to_owned(), RawJson::from(answer.clone()))).collect()
    }

    fn ann() -> Value {
        json!({ "action": "accept", "content": { "name": "Ann" } })
    }

    #[test]
    fn answers_may_come_one_by_one() {
        let mut task = record();
        assert_eq!(task.ask("a", &question(), at(1)), Change::Made);
        assert_eq!(task.ask("b", &question(), at(1)), Change::Made);
        assert_eq!(task.ask("b", &question(), at(1)), Change::None);
        assert_eq!(task.task.state.status(), TaskStatus::InputRequired);
        assert_eq!(task.answer(&responses(&[("x", ann()), ("a", ann())]), at(2)), Ok(Change::Made));
        assert_eq!(task.task.last_updated_at, "1970-01-01T00:00:02.000Z");
        let TaskState::InputRequired(open) = &task.task.state else { panic!("b is open") };
        assert_eq!(open.keys().collect::<Vec<_>>(), ["b"]);
        // A key stands for one question: what has been answered is not asked again, and not answered again.
        assert_eq!(task.ask("a", &question(), at(3)), Change::None);
        let other = json!({ "action": "decline" });
        assert_eq!(task.answer(&responses(&[("a", other.clone())]), at(3)), Ok(Change::None));
        assert_eq!(task.answer_to("a").map(RawJson::as_str), Some(ann().to_string().as_str()));
        assert_eq!(task.answer(&responses(&[("b", other)]), at(3)), Ok(Change::Made));
        assert_eq!(task.task.state, TaskState::Working);
    }

    #[test]
    fn an_answer_that_does_not_fit_changes_nothing() {
        let mut task = record();
        task.ask("a", &question(), at(1));
        task.ask("b", &question(), at(1));
        let before = task.clone();
        for bad in [
            json!(7),
            json!({}),
            json!({ "action": "accept" }),
            json!({ "action": "accept", "content": { "name": 1 } }),
        ] {
            let error = task.answer(&responses(&[("a", ann()), ("b", bad.clone())]), at(2)).unwrap_err();
            assert_eq!(error, InvalidParams::InputResponse { key: "b".into() }, "{bad}");
            assert_eq!(task, before);
        }
    }

    #[test]
    fn an_end_is_an_end() {
        let mut task = record();
        task.ask("a", &question(), at(1));
        assert_eq!(task.end(TaskState::Cancelled, at(10), Duration::from_secs(60)), Change::Made);
        assert_eq!(task.task.ttl_ms, Some(70_000));
        assert!(!task.is_expired(at(69)) && task.is_expired(at(70)));
        assert!(!task.is_abandoned(at(69)));
        let before = task.clone();
        let done = TaskState::Completed(RawJson::empty_object());
        assert_eq!(task.end(done, at(11), Duration::from_secs(60)), Change::None);
        assert_eq!(task.ask("c", &question(), at(11)), Change::None);
        assert_eq!(task.withdraw("a", at(11)), Change::None);
        assert_eq!(task.report("x", at(11)), Change::None);
        assert_eq!(task.answer(&responses(&[("a", ann())]), at(11)), Ok(Change::None));
        assert_eq!(task, before);
    }

    #[test]
    fn who_is_not_heard_of_has_abandoned_it() {
        let mut task = record();
        assert!(!task.is_abandoned(at(4)) && task.is_abandoned(at(5)));
        task.end(interrupted(), at(5), Duration::from_secs(60));
        let TaskState::Failed(error) = &task.task.state else { panic!("it has failed") };
        assert_eq!(error.code, -32603);
        assert_eq!(task.task.status_message.as_deref(), Some(error.message.as_str()));
    }

    #[test]
    fn a_record_survives_being_written_down() {
        let mut task = record();
        for step in 0..4 {
            match step {
                1 => drop(task.ask("a", &question(), at(1))),
                2 => drop(task.answer(&responses(&[("a", ann())]), at(2))),
                3 => {
                    let result = RawJson::from(json!({ "content": [], "isError": true }));
                    task.end(TaskState::Completed(result), at(3), Duration::from_secs(60));
                }
                _ => {}
            }
            assert_eq!(Record::read(task.stored()).unwrap(), task, "{step}");
        }
        assert!(task.stored().finished);
        let odd = StoredTask { document: "{}".into(), ..task.stored() };
        assert!(Record::read(odd).is_err());
    }
}

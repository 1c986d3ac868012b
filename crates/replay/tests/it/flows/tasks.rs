//! Calls that go on as tasks: the extension `io.modelcontextprotocol/tasks`.

use barewire_replay::{Expect, Kind, Step, Transcript, Varies};
use serde_json::{Value, json};

use super::modern::{Modern, able};
use super::speech::{JSON_RPC_SAYS, Speech};
use super::steps::*;
use super::subscription::{ACKNOWLEDGED, SUBSCRIPTION_ID, acknowledges};

const TOLD: &str = "/events/notifications~1tasks/0";

pub(super) fn flow() -> Transcript {
    let about = "A server may answer a call with a task instead of a result, if the client says that it understands that (the extension \
                 `io.modelcontextprotocol/tasks`). The client then asks for the task until it has ended, answers what it asks, and cancels \
                 what it does not need any more. In this recording every request has the token of a user, which is not shown: a task is its \
                 user's only.";
    let mut steps = Modern.opening();
    steps.extend(tasks().into_iter().map(|step| {
        let has = "/extensions/io.modelcontextprotocol~1tasks";
        step.only_if("capabilities", has, "the server declares no tasks")
    }));
    with_given(
        transcript(Modern.revision(), "tasks", "A call that goes on as a task", about, steps),
        &[
            (
                "task_tool",
                "a tool that becomes a task, asks its user for a text called `name`, and takes no arguments",
                "export",
            ),
            ("other_token", "the token of another user", "bob"),
        ],
    )
}

fn rule(section: &str) -> String {
    format!(
        "https://github.com/modelcontextprotocol/ext-tasks/blob/main/specification/draft/tasks.md#{section}"
    )
}

fn understanding(step: Step) -> Step {
    able(
        step,
        &json!({ "elicitation": { "form": {} }, "extensions": { "io.modelcontextprotocol/tasks": {} } }),
    )
}

fn about(name: &str, sentence: &str, id: i64, method: &str, task: &str) -> Step {
    understanding(Modern.ask(name, sentence, id, method, json!({ "taskId": task })))
}

/// The times and the length of a life are different each time.
fn timed(step: Step, at: &str) -> Step {
    let place = rule("tasks-1");
    step.must(&format!("{at}/createdAt"), a(Kind::String), "A task says when it was created.", &place)
        .must(&format!("{at}/lastUpdatedAt"), a(Kind::String), "A task says when it changed.", &place)
        .must(
            &format!("{at}/ttlMs"),
            Expect::Absent(false),
            "A task says how long it is kept, or null.",
            &place,
        )
        .must(
            &format!("{at}/pollIntervalMs"),
            Expect::AtLeast(0),
            "Where a task says how long to wait between two questions, that is in milliseconds.",
            &place,
        )
        .if_present()
        .varies(&format!("{at}/createdAt"), Varies::Opaque)
        .varies(&format!("{at}/lastUpdatedAt"), Varies::Opaque)
        .varies(&format!("{at}/ttlMs"), Varies::Opaque)
        .varies(&format!("{at}/pollIntervalMs"), Varies::Choice)
        .varies(&format!("{at}/statusMessage"), Varies::Wording)
}

fn created(name: &str, sentence: &str, id: i64, task: &str) -> Step {
    let place = rule("task-creation");
    let step = Modern.result(understanding(Modern.call(name, sentence, id, "{task_tool}")));
    timed(step, "/body/result")
        .applies("/body/result/resultType", is("task"), "the tool is not one that becomes a task")
        .must(
            "/body/result/resultType",
            is("task"),
            "A result that is a task says so.",
            &rule("polymorphic-results"),
        )
        .must("/body/result/taskId", a(Kind::String), "A task has an id.", &place)
        .must(
            "/body/result/status",
            one_of(&STATUSES),
            "A task says how far it is, in one of five words.",
            &rule("task-status"),
        )
        .varies("/body/result/status", Varies::Choice)
        .keep_opaque(task, "/body/result/taskId")
}

/// The task as it is found.
fn found(name: &str, sentence: &str, id: i64, task: &str, statuses: &[&str]) -> Step {
    let place = rule("task-polling");
    let step = Modern.result(about(name, sentence, id, "tasks/get", &format!("{{{task}}}")));
    timed(step, "/body/result")
        .calls()
        .until("/body/result/status", one_of(statuses))
        .must("/body/result/taskId", is(format!("{{{task}}}")), "The answer is about this task.", &place)
        .must("/body/result/status", one_of(statuses), "A task says how far it is.", &place)
}

fn acknowledged(step: Step, section: &str) -> Step {
    let says = "It is acknowledged with an empty result.";
    Modern.result(step).calls().must("/body/result/taskId", Expect::Absent(true), says, &rule(section))
}

const STATUSES: [&str; 5] = ["working", "input_required", "completed", "failed", "cancelled"];
const ENDED: [&str; 3] = ["cancelled", "completed", "failed"];

fn one_of(words: &[&str]) -> Expect {
    Expect::OneOf(words.iter().map(|word| Value::from(*word)).collect())
}

fn tasks() -> Vec<Step> {
    let errors = rule("protocol-errors");
    let create = created(
        "create",
        "The client calls the tool and says that it understands tasks. The answer is no result but a task, with its id. From now on the \
         connection may break, and the client may even be started anew.",
        2,
        "task",
    );
    let asks = found(
        "asks",
        "The client asks for the task, again and again, with the pause that the server names. This one comes to need something of the user.",
        3,
        "task",
        &["input_required"],
    )
    .must(
        "/body/result/inputRequests/*/method",
        is("elicitation/create"),
        "Each question is a request by its method.",
        &rule("task-polling"),
    )
    .varies("/body/result/inputRequests", Varies::Content);
    let mut asks = asks.keep("question", "/body/result/inputRequests");
    asks.keep.get_mut("question").unwrap().first_name = true;
    let mut answer = about(
        "answer",
        "The client asks its user and hands in the answer, under the name of the question.",
        4,
        "tasks/update",
        "{task}",
    );
    answer.body()["params"]["inputResponses"] =
        json!({ "{question}": { "action": "accept", "content": { "name": "Ada" } } });
    let answer = acknowledged(answer, "task-update-requests");
    let done = found(
        "done",
        "The client goes on asking until the task has ended. Its result is that of the call.",
        5,
        "task",
        &["completed"],
    )
    .must(
        "/body/result/result/content",
        a(Kind::Array),
        "What has ended well has the result of its call.",
        &rule("task-execution-errors"),
    )
    .varies("/body/result/result", Varies::Content);

    let unknown = Modern.refused(
        about(
            "unknown-task",
            "There is no such task. A task that was forgotten, because its time was over, is answered in the same way.",
            6,
            "tasks/get",
            "no-such-task",
        ),
        200,
        -32602,
        "A task that is not there is answered with -32602.",
        &errors,
    );
    let unknown = unknown.without(&["/status"]).varies("/status", Varies::Choice);
    let somebody = about(
        "somebody-else",
        "Another user asks for the task. An id alone is nothing: to them there is no such task.",
        7,
        "tasks/get",
        "{task}",
    )
    .header("authorization", "Bearer {other_token}");
    let somebody = Modern
        .response(somebody)
        .calls()
        .must(
            "/body/result",
            Expect::Absent(true),
            "A server checks with every request about a task whether whoever sends it may.",
            &rule("security-considerations"),
        )
        .varies("/status", Varies::Choice)
        .varies("/body/error", Varies::Choice);
    let missing = Modern
        .refused(
            Modern.ask(
                "not-understood",
                "A client asks for a task and does not say that it understands tasks.",
                8,
                "tasks/get",
                json!({ "taskId": "{task}" }),
            ),
            400,
            -32021,
            "A request about tasks of a client that does not declare them is refused.",
            &errors,
        )
        .calls()
        .must(
            "/body/error/data/requiredCapabilities/extensions",
            a(Kind::Object),
            "The error names the extension that is missing.",
            &rule("capability-negotiation"),
        );

    let second = created("create-another", "The client calls the tool again.", 9, "second_task");
    let cancel = acknowledged(
        about(
            "cancel",
            "The result is not needed any more. That is a wish: the server decides whether it can still stop.",
            10,
            "tasks/cancel",
            "{second_task}",
        ),
        "task-cancellation",
    );
    let cancelled =
        found("cancelled", "The task has ended, cancelled or in another way.", 11, "second_task", &ENDED)
            .varies("/body/result/status", Varies::Choice)
            .varies("/body/result/result", Varies::Content)
            .varies("/body/result/error", Varies::Content);

    let third = created("create-a-third", "One more, to be watched instead of asked for.", 12, "third_task");
    let asked = found("third-asks", "It asks as the first one did.", 13, "third_task", &["input_required"])
        .varies("/body/result/inputRequests", Varies::Content);
    let notices = rule("task-status-notifications");
    let watch = understanding(Modern.ask(
        "watch",
        "The client asks to be told when the task changes. The server repeats what it agreed to.",
        14,
        "subscriptions/listen",
        json!({ "notifications": { "taskIds": ["{third_task}"] } }),
    ));
    let watch = acknowledges(watch)
        .calls()
        .applies(
            &format!("{ACKNOWLEDGED}/params/notifications/taskIds"),
            Expect::Contains(json!("{third_task}")),
            "the server does not tell how its tasks are",
        )
        .must(
            &format!("{ACKNOWLEDGED}/params/notifications/taskIds"),
            Expect::Contains(json!("{third_task}")),
            "The first message repeats what the server agreed to.",
            &notices,
        );
    let told = |name: &str, sentence: &str, statuses: &[&str]| {
        let step = reading(name, sentence, "watch").calls().open_after("notifications/tasks");
        let step = step
            .must(&format!("{TOLD}/jsonrpc"), is("2.0"), JSON_RPC_SAYS, JSON_RPC_RESPONSE)
            .if_present()
            .must(
                &format!("{TOLD}{SUBSCRIPTION_ID}"),
                is(14),
                "Messages of a subscription carry the id of the request that opened it.",
                &super::modern::rule("basic/patterns/subscriptions#receiving-notifications"),
            )
            .if_present()
            .must(
                &format!("{TOLD}/params/taskId"),
                is("{third_task}"),
                "The message is about this task.",
                &notices,
            )
            .if_present()
            .must(
                &format!("{TOLD}/params/status"),
                one_of(statuses),
                "The message has the whole task.",
                &notices,
            )
            .if_present()
            .varies(&format!("{TOLD}/params"), Varies::Content);
        ["createdAt", "lastUpdatedAt", "ttlMs"]
            .into_iter()
            .fold(step, |step, member| step.varies(&format!("{TOLD}/params/{member}"), Varies::Opaque))
    };
    let now = told("told-at-once", "Whoever begins to watch is told how the task is now.", &STATUSES);
    let again = acknowledged(
        about("cancel-the-third", "Something happens to the task.", 15, "tasks/cancel", "{third_task}"),
        "task-cancellation",
    );
    let end = told("told", "The stream says how it has ended. Nobody had to ask.", &ENDED)
        .varies(&format!("{TOLD}/params/status"), Varies::Choice);
    vec![
        create, asks, answer, done, unknown, somebody, missing, second, cancel, cancelled, third, asked,
        watch, now, again, end,
    ]
}

//! How SQLite finds what each statement is about. No statement on the way of a request, and none of a sweep, may read all of a
//! table or of an index: with a million grants that takes seconds, and whoever writes keeps everybody else from writing.
//!
//! SQLite chooses by the schema alone, since nobody lets it collect statistics; so an empty store shows what a full one does.

use std::collections::BTreeSet;
use std::process::Command;
use std::sync::{Arc, Mutex};

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _};
use tracing::field::{Field, Visit};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};

use crate::sqlite;

/// Statements that may read from one end of a table or an index to the other, by a part of them, and why.
const WHOLE: &[(&str, &str)] = &[
    ("signing_keys", "there is a handful"),
    ("WHERE sealed IS NOT NULL)", "the first is enough, and only of a store that was never unlocked"),
    ("FROM sealing", "it has one row"),
    ("FROM secrets WHERE sealed IS NULL", "there is a handful"),
    ("FROM clients WHERE NOT dynamic", "the few that the operator has configured, at the start"),
    (
        "GROUP BY source ORDER BY count(*) DESC, min(registered_at)",
        "for one in a hundred registrations, and only without room",
    ),
    (
        "ORDER BY coalesce(last_used_at, registered_at) LIMIT",
        "from who was used longest ago, until enough have no live grant",
    ),
    ("DELETE FROM devices WHERE allowed_by = ?1", "as many as there is room for, when a user is disabled"),
    (
        "DELETE FROM codes WHERE user_id = ?1 AND redeemed_at IS NULL",
        "by an index of those that nobody has fetched, when a user is disabled",
    ),
    ("FROM devices GROUP BY source", "only without room, and then of as many as there is room for"),
    ("FROM pushed_requests GROUP BY source", "only without room, and then of as many as there is room for"),
    ("FROM upstream_logins GROUP BY source", "only without room, and then of as many as there is room for"),
    ("SELECT EXISTS (SELECT 1 FROM upstream_sessions)", "ends at the first one, at the start"),
    ("FROM login_attempts ORDER BY last_at, rowid LIMIT", "as many as are deleted"),
];

/// Statements that may look for a range only, and why.
const RANGES: &[(&str, &str)] = &[
    ("rowid > ?1 ORDER BY rowid LIMIT ?2", "a step of sealing anew, when the key has changed"),
    (" LIMIT ?2)", "a step of a sweep, which takes so many"),
    ("FROM changes WHERE number > ?1", "what is new, a part at a time"),
    ("FROM users WHERE name COLLATE NOCASE >= ?1", "a page, which has a limit"),
    ("FROM clients WHERE json_extract(client, '$.name') COLLATE NOCASE >= ?1", "a page, which has a limit"),
    ("(g.created_at, g.id) < (?4, ?5)", "a page, which has a limit"),
    ("DELETE FROM devices WHERE expires_at <= ?1", "all that is over makes room, when there is none"),
    ("DELETE FROM pushed_requests WHERE expires_at <= ?1", "all that is over makes room, when there is none"),
    ("DELETE FROM upstream_logins WHERE expires_at <= ?1", "all that is over makes room, when there is none"),
    ("DELETE FROM used_statements WHERE until <= ?1", "what has ended since the last use"),
];

/// The statements that were executed in this process.
#[derive(Clone, Default)]
struct Executed(Arc<Mutex<BTreeSet<String>>>);

impl<S: tracing::Subscriber> Layer<S> for Executed {
    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        if event.metadata().target() == "sqlx::query" {
            let mut statement = Statement::default();
            event.record(&mut statement);
            // One of four words or fewer is its own summary.
            let text = if statement.whole.is_empty() { statement.summary } else { statement.whole };
            let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
            self.0.lock().unwrap().insert(text);
        }
    }
}

#[derive(Default)]
struct Statement {
    summary: String,
    whole: String,
}

impl Visit for Statement {
    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "summary" => value.clone_into(&mut self.summary),
            "db.statement" => value.clone_into(&mut self.whole),
            _ => {}
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn std::fmt::Debug) {}
}

/// In a process of its own: what the other tests of this one execute besides is none of ours.
#[test]
fn no_statement_reads_a_whole_table() {
    let mut alone = Command::new(std::env::current_exe().unwrap());
    alone.args(["--exact", "plans::every_statement_has_a_good_plan", "--ignored"]);
    let output = alone.output().unwrap();
    let (said, noted) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && said.contains("1 passed"), "{said}{noted}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a process that the test above starts"]
async fn every_statement_has_a_good_plan() {
    let executed = Executed::default();
    tracing::subscriber::set_global_default(tracing_subscriber::registry().with(executed.clone())).unwrap();
    sqlite::every_law().await;

    let (dir, store) = sqlite::open().await;
    let mut db = SqliteConnectOptions::new().filename(dir.join("store.sqlite")).connect().await.unwrap();
    let executed = std::mem::take(&mut *executed.0.lock().unwrap());
    let verbs = ["SELECT ", "INSERT ", "UPDATE ", "DELETE "];
    let ours = |text: &&String| {
        verbs.iter().any(|verb| text.starts_with(verb))
            && !["sqlite_", "_sqlx_", "pragma_"].iter().any(|other| text.contains(other))
    };
    let (mut count, mut unused) = (0, [WHOLE, RANGES].concat());
    let mut wrong = Vec::new();
    for text in executed.iter().filter(ours) {
        count += 1;
        let plan = sqlx::query_as(AssertSqlSafe(format!("EXPLAIN QUERY PLAN {text}")));
        let plan: Vec<(i64, i64, i64, String)> = plan.fetch_all(&mut db).await.unwrap();
        for (_, _, _, step) in plan {
            eprintln!("{step:<90} {text}");
            let allowed = if reads_all(&step) {
                WHOLE
            } else if finds_a_range(&step) {
                RANGES
            } else {
                continue;
            };
            let reason = allowed.iter().find(|(part, _)| text.contains(part));
            unused.retain(|one| Some(one) != reason);
            if reason.is_none() {
                wrong.push(format!("{step}: {text}"));
            }
        }
    }
    drop(store);
    assert!(count > 100, "only {count} statements were seen");
    assert_eq!(wrong, Vec::<String>::new());
    assert_eq!(unused, [], "no statement needs that any more");
}

fn reads_all(step: &str) -> bool {
    let of_a_table = !["SCAN CONSTANT ROW", "SCAN json_each", "SCAN ("].iter().any(|no| step.starts_with(no));
    step.starts_with("SCAN ") && of_a_table
}

/// An index is used, but nothing has to be equal.
fn finds_a_range(step: &str) -> bool {
    step.starts_with("SEARCH ") && step.contains("?)") && !step.contains("=?")
}

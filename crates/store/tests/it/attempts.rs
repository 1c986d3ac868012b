//! Attempts to connect: kept, found, followed and forgotten.

use barewire_audit::funnel::{Attempt, Changes, Outcome, Reached, Step};
use barewire_audit::{AttemptStore, AttemptsWanted, Time};
use barewire_store::Store;
use barewire_testkit::TempDir;

fn attempt(id: u64, outcome: Outcome, client: Option<&str>) -> Attempt {
    let step = Reached { step: Step::Challenge, at: Time(id), times: 1, how: None };
    Attempt {
        id,
        began: Time(id),
        last: Time(id),
        outcome,
        client: client.map(str::to_owned),
        client_name: client.map(|client| format!("The Client {client}")),
        user_agent: Some("Agent/1 (é)".to_owned()),
        address: "2001:db8::1".parse().ok(),
        steps: vec![step],
        ..Attempt::default()
    }
}

async fn keep(store: &Store, attempts: Vec<Attempt>, merged: Vec<u64>) {
    store.keep(&Changes { attempts, merged }).await.unwrap();
}

async fn ids(store: &Store, wanted: AttemptsWanted<'_>) -> Vec<u64> {
    let found = store.attempts(&wanted).await.unwrap();
    found.into_iter().map(|(_, attempt)| attempt.id).collect()
}

const ALL: AttemptsWanted<'_> = AttemptsWanted {
    since: None,
    after: None,
    before: None,
    client: None,
    step: None,
    outcome: None,
    limit: 100,
};

#[tokio::test]
async fn what_is_kept_is_there_after_a_restart() {
    let dir = TempDir::new();
    let kept = attempt(1_785_000_000_000_001, Outcome::Waiting, Some("a"));
    let store = Store::open(dir.join("audit.sqlite")).await.unwrap();
    keep(&store, vec![kept.clone()], vec![]).await;
    store.close().await;
    let store = Store::open(dir.join("audit.sqlite")).await.unwrap();
    let found = store.attempts(&ALL).await.unwrap();
    assert_eq!(found.into_iter().map(|(_, attempt)| attempt).collect::<Vec<_>>(), [kept]);
}

#[tokio::test]
async fn what_another_process_knows_better_stays() {
    let dir = TempDir::new();
    let (one, other) = (
        Store::open(dir.join("audit.sqlite")).await.unwrap(),
        Store::open(dir.join("audit.sqlite")).await.unwrap(),
    );
    let waiting = attempt(1, Outcome::Waiting, Some("a"));
    let complete = Attempt { last: Time(9), outcome: Outcome::Complete, ..waiting.clone() };
    let given_up = Attempt { outcome: Outcome::Abandoned, ..waiting.clone() };
    keep(&one, vec![waiting], vec![]).await;
    keep(&one, vec![complete], vec![]).await;
    // This one had it from before, and has heard nothing of it since.
    keep(&other, vec![given_up], vec![]).await;
    let found = other.attempts(&ALL).await.unwrap();
    assert_eq!(found.iter().map(|(_, attempt)| attempt.outcome).collect::<Vec<_>>(), [Outcome::Complete]);
}

#[tokio::test]
async fn they_are_found_by_what_is_asked_for() {
    let dir = TempDir::new();
    let store = Store::open(dir.join("audit.sqlite")).await.unwrap();
    let refused = Attempt { user_agent: None, ..attempt(3, Outcome::Stopped, Some("b")) };
    keep(
        &store,
        vec![attempt(1, Outcome::Complete, Some("a")), attempt(2, Outcome::Waiting, None), refused],
        vec![],
    )
    .await;
    assert_eq!(ids(&store, ALL).await, [3, 2, 1]);
    assert_eq!(ids(&store, AttemptsWanted { limit: 2, ..ALL }).await, [3, 2]);
    assert_eq!(ids(&store, AttemptsWanted { before: Some(3), ..ALL }).await, [2, 1]);
    assert_eq!(ids(&store, AttemptsWanted { since: Some(Time(2)), ..ALL }).await, [3, 2]);
    assert_eq!(ids(&store, AttemptsWanted { outcome: Some(Outcome::Complete), ..ALL }).await, [1]);
    assert_eq!(ids(&store, AttemptsWanted { step: Some(Step::Challenge), ..ALL }).await, [3, 2, 1]);
    assert!(ids(&store, AttemptsWanted { step: Some(Step::Token), ..ALL }).await.is_empty());
    for (client, expected) in [
        ("a", vec![2, 1]),
        ("CLIENT B", vec![3]),
        ("agent/1 (É", vec![2, 1]),
        ("nobody", vec![]),
        ("%", vec![]),
        ("' OR '1'='1", vec![]),
    ] {
        assert_eq!(ids(&store, AttemptsWanted { client: Some(client), ..ALL }).await, expected, "{client}");
    }
}

#[tokio::test]
async fn each_change_is_seen_once_by_who_follows() {
    let dir = TempDir::new();
    let store = Store::open(dir.join("audit.sqlite")).await.unwrap();
    keep(&store, vec![attempt(1, Outcome::Waiting, None), attempt(2, Outcome::Waiting, Some("a"))], vec![])
        .await;
    let mut after = 0;
    let mut seen = Vec::new();
    for round in 0..3 {
        let wanted = AttemptsWanted { after: Some(after), ..ALL };
        for (change, attempt) in store.attempts(&wanted).await.unwrap() {
            after = change;
            seen.push((round, attempt.id, attempt.outcome));
        }
        // The first becomes a part of the second, which is written in the same moment.
        if round == 0 {
            keep(&store, vec![attempt(2, Outcome::Complete, Some("a"))], vec![1]).await;
        }
    }
    assert_eq!(seen, [(0, 1, Outcome::Waiting), (0, 2, Outcome::Waiting), (1, 2, Outcome::Complete)]);
    assert_eq!(ids(&store, ALL).await, [2]);
}

#[tokio::test]
async fn a_flood_pushes_out_its_own() {
    let dir = TempDir::new();
    let store = Store::open(dir.join("audit.sqlite")).await.unwrap();
    keep(
        &store,
        vec![attempt(1, Outcome::Waiting, Some("old")), attempt(50, Outcome::Complete, Some("a"))],
        vec![],
    )
    .await;
    keep(&store, (100..200).map(|id| attempt(id, Outcome::Abandoned, None)).collect(), vec![]).await;
    store.forget(Time(10), 40).await.unwrap();
    let left = ids(&store, ALL).await;
    assert_eq!((left.len(), left[0], left.last()), (11, 199, Some(&50)), "{left:?}");
    keep(&store, (300..400).map(|id| attempt(id, Outcome::Complete, Some("b"))).collect(), vec![]).await;
    store.forget(Time(10), 40).await.unwrap();
    assert_eq!(ids(&store, ALL).await.len(), 50);
}

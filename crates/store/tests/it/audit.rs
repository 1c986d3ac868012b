//! The audit log on a real file: what is recorded is there, what was changed is found out.

use std::sync::Arc;
use std::time::Duration;

use barewire_audit::{
    Audit, AuditConfig, AuditStore, Broken, Head, Kind, Recorder, Report, Segment, Time, Verifier, WhenFull,
};
use barewire_mcp_server::{Context, McpServer, McpService, Tool, ToolError};
use barewire_store::Store;
use barewire_testkit::{TempDir, TestClock};
use http::{Request, StatusCode};
use http_body_util::BodyExt;
use schemars::JsonSchema;
use serde::Deserialize;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions, Connection};
use tower_service::Service;

/// A server whose every request is recorded.
struct Recorded {
    dir: TempDir,
    store: Store,
    clock: TestClock,
    audit: Audit,
    service: McpService,
}

#[derive(Deserialize, JsonSchema)]
struct Echo {
    text: String,
}

impl Recorded {
    async fn start(config: AuditConfig) -> Self {
        Self::start_in(TempDir::new(), TestClock::default(), config).await
    }

    async fn start_in(dir: TempDir, clock: TestClock, config: AuditConfig) -> Self {
        let store = Store::open(dir.join("audit.sqlite")).await.unwrap();
        let audit = Audit::start(Arc::new(store.clone()), config, clock.clock());
        let recorder = Recorder::new("http://localhost/mcp").audit(&audit, &[7; 32], clock.clock());
        let echo = async |_: Context, args: Echo| Ok::<_, ToolError>(args.text);
        let server = McpServer::builder("x", "1").observer(recorder).tool(Tool::new("echo", "Echo."), echo);
        Self { dir, store, clock, audit, service: server.build().unwrap().service() }
    }

    async fn call(&self, text: &str) -> StatusCode {
        let meta = r#"{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}"#;
        let body = format!(
            r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"echo","arguments":{{"text":"{text}"}},"_meta":{meta}}}}}"#
        );
        let request = Request::post("/mcp")
            .header("host", "localhost")
            .header("content-type", "application/json")
            .header("accept", "application/json, text/event-stream")
            .header("mcp-protocol-version", "2026-07-28")
            .header("mcp-method", "tools/call")
            .header("mcp-name", "echo")
            .body(body)
            .unwrap();
        let response = self.service.clone().call(request).await.unwrap();
        let status = response.status();
        response.into_body().collect().await.unwrap();
        status
    }

    async fn close(self) -> (TempDir, Store) {
        self.audit.close().await;
        (self.dir, self.store)
    }
}

async fn segments(store: &Store) -> Vec<Segment> {
    store.segments(0, None, u32::MAX).await.unwrap()
}

/// What every record is about, with its number.
async fn kinds(store: &Store) -> Vec<(u64, Kind)> {
    let segments = segments(store).await;
    let records = segments.iter().flat_map(Segment::records).map(Result::unwrap);
    records.map(|stored| (stored.sequence, stored.entry().unwrap().kind)).collect()
}

async fn verify(store: &Store, noted: Option<Head>) -> Result<Report, Broken> {
    let mut verifier = Verifier::expecting(noted);
    for segment in segments(store).await {
        verifier.check(&segment)?;
    }
    verifier.finish()
}

async fn raw(dir: &TempDir) -> SqliteConnection {
    SqliteConnectOptions::new().filename(dir.join("audit.sqlite")).connect().await.unwrap()
}

async fn run(db: &mut SqliteConnection, sql: &'static str) {
    sqlx::query(sql).execute(db).await.unwrap();
}

fn often() -> AuditConfig {
    AuditConfig { flush_interval: Duration::from_millis(5), ..AuditConfig::default() }
}

async fn until<F: Future<Output = bool>>(mut condition: impl FnMut() -> F) {
    for _ in 0..2000 {
        if condition().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("it never came");
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_is_written_before_the_log_is_closed() {
    // A batch is never due and the interval is far away: only closing can write them.
    let config = AuditConfig { flush_interval: Duration::from_secs(3600), ..AuditConfig::default() };
    let server = Recorded::start(config).await;
    for number in 0..500 {
        assert_eq!(server.call(&number.to_string()).await, StatusCode::OK);
    }
    let (_dir, store) = server.close().await;
    let kinds = kinds(&store).await;
    assert_eq!(kinds.first(), Some(&(1, Kind::Started)));
    assert_eq!(kinds.last(), Some(&(502, Kind::Stopped)));
    assert!(kinds[1..501].iter().all(|(_, kind)| *kind == Kind::Request));
    let report = verify(&store, None).await.unwrap();
    assert_eq!((report.records, report.first, report.lost, report.not_closed), (502, 1, 0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_that_is_due_is_written_at_once() {
    let config = AuditConfig {
        flush_interval: Duration::from_secs(3600),
        batch_bytes: 1000,
        ..AuditConfig::default()
    };
    let server = Recorded::start(config).await;
    for number in 0..100 {
        server.call(&number.to_string()).await;
    }
    until(async || AuditStore::head(&server.store).await.unwrap().sequence > 50).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_goes_on_after_a_restart_and_says_that_it_was_not_closed() {
    let server = Recorded::start(often()).await;
    server.call("one").await;
    until(async || AuditStore::head(&server.store).await.unwrap().sequence == 2).await;
    // As if the process had been killed: nobody closes anything.
    let Recorded { dir, store, clock, audit, .. } = server;
    store.close().await;
    std::mem::forget(audit);

    let server = Recorded::start_in(dir, clock, often()).await;
    server.call("two").await;
    let (_dir, store) = server.close().await;
    let expected = [Kind::Started, Kind::Request, Kind::Started, Kind::Request, Kind::Stopped];
    assert_eq!(kinds(&store).await.iter().map(|(_, kind)| *kind).collect::<Vec<_>>(), expected);
    assert_eq!(verify(&store, None).await.unwrap().not_closed, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_can_write_to_one_log() {
    let server = Recorded::start(often()).await;
    let other = Audit::start(Arc::new(server.store.clone()), often(), server.clock.clock());
    for number in 0..50 {
        server.call(&number.to_string()).await;
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    other.close().await;
    server.call("last").await;
    let (_dir, store) = server.close().await;
    assert_eq!(verify(&store, None).await.unwrap().records, 51 + 2 + 2);
}

/// The bytes of one record, found by its number.
async fn offset_of(store: &Store, sequence: u64) -> (u64, usize) {
    for segment in segments(store).await {
        let mut offset = 0;
        for stored in segment.records() {
            let stored = stored.unwrap();
            if stored.sequence == sequence {
                return (segment.first, offset + 4);
            }
            offset += 4 + stored.bytes.len() + 8;
        }
    }
    panic!("there is no record {sequence}");
}

#[tokio::test(flavor = "multi_thread")]
async fn verification_names_the_first_record_that_was_altered() {
    let server = Recorded::start(often()).await;
    for number in 0..20 {
        server.call(&number.to_string()).await;
        if number % 5 == 0 {
            let so_far = AuditStore::head(&server.store).await.unwrap().sequence;
            until(async || AuditStore::head(&server.store).await.unwrap().sequence > so_far).await;
        }
    }
    let (dir, store) = server.close().await;
    let head = AuditStore::head(&store).await.unwrap();
    assert_eq!((head.sequence, segments(&store).await.len() > 3), (22, true));
    assert_eq!(verify(&store, Some(head)).await.unwrap().head, Some(head));

    let mut db = raw(&dir).await;
    let refused = sqlx::query("UPDATE audit_segments SET count = 1").execute(&mut db).await.unwrap_err();
    assert!(refused.to_string().contains("append-only"), "{refused}");
    run(&mut db, "DROP TRIGGER audit_segments_are_not_changed").await;
    run(&mut db, "CREATE TABLE before AS SELECT * FROM audit_segments").await;
    let restore = async |db: &mut SqliteConnection| {
        run(db, "DELETE FROM audit_segments").await;
        run(db, "INSERT INTO audit_segments SELECT * FROM before").await;
    };

    // A byte of a record: of its time, of its kind, of a text.
    for (sequence, byte) in [(1, 0), (7, 8), (7, 20), (13, 3), (22, 0)] {
        let (first, offset) = offset_of(&store, sequence).await;
        let position = i64::try_from(offset + byte).unwrap();
        let old: Vec<u8> =
            sqlx::query_scalar("SELECT substr(records, ?1 + 1, 1) FROM audit_segments WHERE first = ?2")
                .bind(position)
                .bind(i64::try_from(first).unwrap())
                .fetch_one(&mut db)
                .await
                .unwrap();
        sqlx::query("UPDATE audit_segments SET records = CAST(substr(records, 1, ?1) || ?2 || substr(records, ?1 + 2) AS BLOB) WHERE first = ?3")
            .bind(position)
            .bind(vec![old[0] ^ 1])
            .bind(i64::try_from(first).unwrap())
            .execute(&mut db)
            .await
            .unwrap();
        assert_eq!(
            verify(&store, None).await,
            Err(Broken::Altered { sequence }),
            "byte {byte} of {sequence}"
        );
        restore(&mut db).await;
        verify(&store, Some(head)).await.unwrap();
    }

    let all = segments(&store).await;
    let (second, third) = (&all[1], &all[2]);
    // A row that is gone, in the middle.
    run(
        &mut db,
        "DELETE FROM audit_segments WHERE first = (SELECT first FROM before ORDER BY first LIMIT 1 OFFSET 1)",
    )
    .await;
    let missing = Broken::Missing { from: second.first, through: third.first - 1 };
    assert_eq!(verify(&store, None).await, Err(missing));
    restore(&mut db).await;
    // At the beginning: nothing vouches for it.
    run(&mut db, "DELETE FROM audit_segments WHERE first = 1").await;
    assert_eq!(verify(&store, None).await, Err(Broken::NoCheckpoint { through: second.first - 1 }));
    restore(&mut db).await;
    // At the end: only who noted the head finds out.
    run(&mut db, "DELETE FROM audit_segments WHERE first = (SELECT max(first) FROM before)").await;
    verify(&store, None).await.unwrap();
    assert_eq!(verify(&store, Some(head)).await, Err(Broken::NotTheNoted { sequence: 22 }));
    restore(&mut db).await;
    // A count that hides a record.
    run(&mut db, "UPDATE audit_segments SET count = count + 1 WHERE first = 1").await;
    assert!(matches!(verify(&store, None).await, Err(Broken::Missing { .. })));
    restore(&mut db).await;
    // Hashes that were recomputed for one row alone.
    run(&mut db, "UPDATE audit_segments SET before = zeroblob(32) WHERE first > 1").await;
    assert_eq!(verify(&store, None).await, Err(Broken::Detached { sequence: second.first }));
    restore(&mut db).await;
    assert_eq!(verify(&store, Some(head)).await.unwrap().head, Some(head));
}

/// Two records of one row that change places, and two rows that do, with every number and length as it was.
#[tokio::test(flavor = "multi_thread")]
async fn records_that_were_put_in_another_order_are_found_out() {
    // Long enough for several records to wait together.
    let config = AuditConfig { flush_interval: Duration::from_millis(100), ..AuditConfig::default() };
    let server = Recorded::start(config).await;
    for number in 0..12 {
        server.call(&number.to_string()).await;
        if number % 4 == 3 {
            // The record of the opening, and one for each call.
            until(async || AuditStore::head(&server.store).await.unwrap().sequence == number + 2).await;
        }
    }
    let (_dir, store) = server.close().await;
    let all = segments(&store).await;
    let check = |segments: &[Segment]| {
        let mut verifier = Verifier::default();
        segments.iter().try_for_each(|segment| verifier.check(segment))
    };
    check(&all).unwrap();
    let several =
        all.iter().position(|segment| segment.count > 1).expect("records that were written together");

    // Within a row: a record is its length, its bytes and the beginning of its hash.
    let mut altered = all.clone();
    let records: Vec<_> = all[several].records().map(|stored| stored.unwrap().bytes.len() + 4 + 8).collect();
    let (first, second) = (records[0], records[1]);
    let bytes = &all[several].records;
    altered[several].records =
        [&bytes[first..first + second], &bytes[..first], &bytes[first + second..]].concat();
    assert_eq!(check(&altered), Err(Broken::Altered { sequence: all[several].first }));

    // Of two rows the contents, so that their numbers still follow each other.
    let mut altered = all.clone();
    let (one, other) = (altered.len() - 2, altered.len() - 1);
    let of = |segment: &Segment| (segment.records.clone(), segment.count);
    ((altered[one].records, altered[one].count), (altered[other].records, altered[other].count)) =
        (of(&all[other]), of(&all[one]));
    assert!(check(&altered).is_err());

    // The rows themselves.
    let mut altered = all.clone();
    altered.swap(one, other);
    let expected = all[one].first;
    assert_eq!(check(&altered), Err(Broken::Missing { from: expected, through: all[other].first - 1 }));
    // One of them twice.
    let twice = [&all[..], &all[other..]].concat();
    let next = all[other].first + u64::from(all[other].count);
    assert_eq!(check(&twice), Err(Broken::Misplaced { sequence: all[other].first, expected: next }));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_over_is_deleted_and_a_checkpoint_stands_for_it() {
    const DAY: Duration = Duration::from_secs(24 * 3600);
    let config = AuditConfig { retention: 30 * DAY, ..often() };
    let (mut dir, clock) = (TempDir::new(), TestClock::default());
    let mut heads = Vec::new();
    for _ in 0..4 {
        let server = Recorded::start_in(dir, clock.clone(), config.clone()).await;
        for number in 0..10 {
            server.call(&number.to_string()).await;
        }
        let store;
        (dir, store) = server.close().await;
        heads.push(AuditStore::head(&store).await.unwrap());
        verify(&store, None).await.unwrap();
        store.close().await;
        clock.advance(20 * DAY);
    }
    let store = Store::open(dir.join("audit.sqlite")).await.unwrap();
    let report = verify(&store, heads.last().copied()).await.unwrap();
    assert_eq!(report.first, 25, "two runs of twelve records are over 30 days old: {report:?}");
    verify(&store, Some(heads[0])).await.expect("what was noted before the deletion is no contradiction");
    verify(&store, Some(heads[2])).await.unwrap();
    let stale = Head { hash: heads[0].hash, ..heads[2] };
    assert_eq!(verify(&store, Some(stale)).await, Err(Broken::NotTheNoted { sequence: stale.sequence }));

    // Deleting more than the checkpoint says is found out.
    let mut db = raw(&dir).await;
    run(&mut db, "DELETE FROM audit_segments WHERE first = (SELECT min(first) FROM audit_segments)").await;
    assert!(matches!(verify(&store, None).await, Err(Broken::NoCheckpoint { .. })));
    db.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_takes_too_much_room_loses_its_oldest() {
    let config =
        AuditConfig { max_bytes: 600_000, batch_bytes: 20_000, sweep_interval: Duration::ZERO, ..often() };
    let server = Recorded::start(config).await;
    for number in 0..6000 {
        server.call(&number.to_string()).await;
    }
    until(async || AuditStore::size(&server.store).await.unwrap() <= 600_000).await;
    let (_dir, store) = server.close().await;
    let report = verify(&store, None).await.unwrap();
    assert!(report.first > 1 && report.lost == 0, "{report:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn records_without_room_are_counted_and_the_log_says_so() {
    // Whatever is more than a few records finds no room while the file is locked by somebody else.
    let server = Recorded::start(AuditConfig { queue_bytes: 4000, ..often() }).await;
    until(async || AuditStore::head(&server.store).await.unwrap().sequence == 1).await;
    let mut db = raw(&server.dir).await;
    run(&mut db, "BEGIN EXCLUSIVE").await;
    for number in 0..300 {
        assert_eq!(server.call(&number.to_string()).await, StatusCode::OK, "it is answered all the same");
    }
    server.clock.advance(Duration::from_secs(1));
    server.call("late").await;
    run(&mut db, "ROLLBACK").await;
    db.close().await.unwrap();
    let (_dir, store) = server.close().await;

    let report = verify(&store, None).await.unwrap();
    let kept = kinds(&store).await.iter().filter(|(_, kind)| *kind == Kind::Request).count() as u64;
    assert_eq!(kept + report.lost, 301);
    assert!(report.lost > 100, "{report:?}");
    let segments = segments(&store).await;
    let gaps: Vec<_> = segments
        .iter()
        .flat_map(Segment::records)
        .map(|stored| stored.unwrap().entry().unwrap())
        .filter(|entry| entry.kind == Kind::Gap)
        .collect();
    let began = Time::from(TestClock::default().now());
    let second = Duration::from_secs(1);
    assert!(gaps.iter().all(|gap| gap.at > began.before(second)));
    assert!(gaps.iter().all(|gap| gap.until >= Some(gap.at)));
}

#[tokio::test(flavor = "multi_thread")]
async fn where_nothing_may_be_missed_requests_are_refused() {
    let config = AuditConfig { queue_bytes: 4000, when_full: WhenFull::Refuse, ..often() };
    let server = Recorded::start(config).await;
    until(async || AuditStore::head(&server.store).await.unwrap().sequence == 1).await;
    let mut db = raw(&server.dir).await;
    run(&mut db, "BEGIN EXCLUSIVE").await;
    let (mut answered, mut refused) = (0, 0);
    for number in 0..300 {
        match server.call(&number.to_string()).await {
            StatusCode::OK => answered += 1,
            status => {
                assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
                refused += 1;
            }
        }
    }
    run(&mut db, "ROLLBACK").await;
    db.close().await.unwrap();
    until(async || server.call("again").await == StatusCode::OK).await;
    let (_dir, store) = server.close().await;
    let report = verify(&store, None).await.unwrap();
    let kept = kinds(&store).await.iter().filter(|(_, kind)| *kind == Kind::Request).count();
    assert!(answered > 0 && refused > 100, "{answered} {refused}");
    assert_eq!(kept, answered + 1, "whatever was answered is recorded");
    assert!(report.lost >= refused, "refusals for want of room are counted: {report:?}");
}

//! An exchange grows: it can be looked at while it runs, and stays within its bounds.

use std::time::{Duration, UNIX_EPOCH};

use barewire_exchange::{Decision, FailureKind, Limits, Masker, Party, Phase, Status, Step};
use http::{HeaderMap, Method, StatusCode};

use crate::masking::{builder, builder_with, headers};

#[test]
fn a_stream_is_one_row_that_grows() {
    let mut record = builder(Step::Listen).tag(Some("call-1".into())).repeats(Some("x0".into()));
    record.request(&Method::POST, "https://a/mcp", &HeaderMap::new(), Some(b"{}"));
    assert_eq!(record.exchange().status, Status::Running);
    record.response(
        StatusCode::OK,
        &headers(&[("content-type", "text/event-stream")]),
        UNIX_EPOCH + Duration::from_millis(1_250),
    );
    for n in 0..3 {
        let event =
            record.stream_event(None, Some(&n.to_string()), None, "{}", UNIX_EPOCH + Duration::from_secs(2));
        assert_eq!(event.seq, n);
        assert_eq!(record.exchange().response.as_ref().unwrap().events.len() as u64, n + 1);
    }
    record.decide(&Decision::Cancelled);
    record.fail(FailureKind::Closed, "closed by us", UNIX_EPOCH + Duration::from_secs(4));
    let exchange = record.exchange();
    assert_eq!(exchange.status, Status::Finished, "a stream that we close has not failed");
    assert_eq!(exchange.duration_ms, Some(3_000.0));
    assert_eq!(exchange.response.as_ref().unwrap().first_byte_ms, Some(250.0));
    assert_eq!(exchange.repeats.as_deref(), Some("x0"));
    assert_eq!(exchange.tag.as_deref(), Some("call-1"));
    assert_eq!((exchange.from, exchange.to), (Party::Client, Party::McpServer));
    assert_eq!(exchange.narration.conclusions.len(), 1);
}

#[test]
fn every_limit_holds_and_says_so() {
    let limits = Limits {
        max_body_bytes: 10,
        max_events: 2,
        max_event_bytes: 4,
        max_headers: 1,
        max_header_bytes: 12,
    };
    let mut record = builder_with(Step::CallTool, &Masker::new(), limits);
    record.request(
        &Method::POST,
        "https://a.example/a/long/path",
        &headers(&[("x-a", "1234567890abcdef"), ("x-b", "2")]),
        Some(b"0123456789abcdef"),
    );
    record.response(StatusCode::OK, &headers(&[("content-type", "text/plain")]), UNIX_EPOCH);
    record.body_chunk("12345678ä".as_bytes());
    record.body_chunk(b"more");
    for n in 0..5 {
        record.stream_event(None, None, None, &format!("{n}23456"), UNIX_EPOCH);
    }
    record.finish(UNIX_EPOCH);
    let exchange = record.exchange();
    let request_body = exchange.request.body.as_ref().unwrap();
    assert_eq!(
        (request_body.text.as_deref(), request_body.bytes, request_body.truncated),
        (Some("0123456789"), 16, true)
    );
    assert_eq!(exchange.request.url, "https://a.ex");
    assert_eq!(exchange.request.headers.len(), 1);
    assert_eq!(exchange.request.headers[0].value, "1234567890ab");
    let response = exchange.response.as_ref().unwrap();
    let body = response.body.as_ref().unwrap();
    assert_eq!((body.text.as_deref(), body.bytes, body.truncated), (Some("12345678ä"), 14, true));
    assert_eq!(
        response.events.iter().map(|e| (e.seq, e.data.as_str(), e.truncated)).collect::<Vec<_>>(),
        [(3, "3234", true), (4, "4234", true)]
    );
    assert_eq!(response.events_dropped, 3);
}

#[test]
fn bytes_that_are_no_text_are_counted_and_not_shown() {
    let mut record = builder(Step::PlainResource);
    record.request(&Method::GET, "https://a/logo.png", &HeaderMap::new(), None);
    record.response(StatusCode::OK, &headers(&[("content-type", "image/png")]), UNIX_EPOCH);
    record.body_chunk(&[0x89, 0x50, 0xff, 0xfe]);
    record.finish(UNIX_EPOCH);
    let body = record.exchange().response.as_ref().unwrap().body.clone().unwrap();
    assert_eq!((body.text, body.bytes, body.media_type.as_str()), (None, 4, "image/png"));
}

#[test]
fn a_step_up_has_its_own_phase() {
    assert_eq!(builder(Step::RedeemCode).exchange().phase, Phase::LogIn);
    assert_eq!(builder(Step::RedeemCode).phase(Phase::StepUp).exchange().phase, Phase::StepUp);
}

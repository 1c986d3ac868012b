//! The counts as text.
//!
//! Names are those of OpenTelemetry's conventions as Prometheus writes them
//! ([MCP](https://github.com/open-telemetry/semantic-conventions-genai/blob/main/docs/gen-ai/mcp.md),
//! [HTTP](https://opentelemetry.io/docs/specs/semconv/http/http-metrics/)); what those do not have begins with `barewire_`.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet, prometheus_text, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::{Registry, Unit};

use super::series::{HttpMethod, Key, OTHER_NAME, Total};
use super::{Endpoint, Metrics, Names};

/// `mcp.server.operation.duration`, in nanoseconds. The convention's start at 10 ms; those below are more.
const OPERATION: [u64; 21] = {
    const MICRO: u64 = 1_000;
    const MILLI: u64 = 1_000_000;
    [
        50 * MICRO,
        100 * MICRO,
        250 * MICRO,
        500 * MICRO,
        MILLI,
        2_500 * MICRO,
        5 * MILLI,
        10 * MILLI,
        20 * MILLI,
        50 * MILLI,
        100 * MILLI,
        200 * MILLI,
        500 * MILLI,
        1_000 * MILLI,
        2_000 * MILLI,
        5_000 * MILLI,
        10_000 * MILLI,
        30_000 * MILLI,
        60_000 * MILLI,
        120_000 * MILLI,
        300_000 * MILLI,
    ]
};

/// `http.server.request.duration`, in nanoseconds.
const HTTP: [u64; 14] = {
    const MILLI: u64 = 1_000_000;
    [
        5 * MILLI,
        10 * MILLI,
        25 * MILLI,
        50 * MILLI,
        75 * MILLI,
        100 * MILLI,
        250 * MILLI,
        500 * MILLI,
        750 * MILLI,
        1_000 * MILLI,
        2_500 * MILLI,
        5_000 * MILLI,
        7_500 * MILLI,
        10_000 * MILLI,
    ]
};

/// A text that Prometheus reads, and its `Content-Type`.
#[derive(Debug)]
pub struct Exposition {
    /// The media type.
    pub content_type: &'static str,
    /// The text.
    pub text: String,
}

impl Metrics {
    /// All counts: as `OpenMetrics` where the `Accept` header of the scraper names it, and else in the older format, which
    /// everybody reads.
    ///
    /// # Errors
    /// Not ours: writing into a `String` does not fail.
    pub fn expose(self: &Arc<Self>, accept: Option<&str>) -> Result<Exposition, fmt::Error> {
        let mut registry = Registry::default();
        registry.register_collector(Box::new(self.clone()));
        let mut text = String::new();
        if accept.is_some_and(|accept| accept.contains("application/openmetrics-text")) {
            text::encode(&mut text, &registry)?;
            let content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
            return Ok(Exposition { content_type, text });
        }
        prometheus_text::encode(&mut text, &registry)?;
        Ok(Exposition { content_type: "text/plain; version=0.0.4; charset=utf-8", text })
    }
}

type Labels = Vec<(&'static str, Cow<'static, str>)>;
type Totals = BTreeMap<Labels, Total>;

impl Collector for Metrics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let encoder = &mut encoder;
        let endpoints = self.endpoints.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let totals = self.totals(&endpoints);
        let seconds = Unit::Seconds;
        let mut family = encoder.encode_descriptor(
            "mcp_server_operation_duration",
            "From the head of an MCP request to the end of its answer",
            Some(&seconds),
            MetricType::Histogram,
        )?;
        histograms(&mut family, &totals.operations, &OPERATION)?;
        let mut family = encoder.encode_descriptor(
            "http_server_request_duration",
            "From the head of an HTTP request to the end of its answer, refusals included",
            Some(&seconds),
            MetricType::Histogram,
        )?;
        histograms(&mut family, &totals.http, &HTTP)?;

        let count = |total: &Total| total.count();
        counters(encoder, "barewire_requests", "Requests by how they ended", &totals.requests, count)?;
        counters(
            encoder,
            "barewire_refusals",
            "Requests that were refused or failed, by the rule",
            &totals.refusals,
            count,
        )?;
        let (help_in, help_out) = ("Bytes of requests' bodies", "Bytes of responses' bodies");
        counters(encoder, "barewire_request_body_bytes", help_in, &totals.http, |total| total.bytes_in)?;
        counters(encoder, "barewire_response_body_bytes", help_out, &totals.http, |total| total.bytes_out)?;
        self.encode_busy(encoder, &endpoints)?;
        self.encode_events(encoder)?;
        self.encode_attempts(encoder)?;
        self.encode_audit(encoder)
    }
}

/// Combinations by the labels of each family.
#[derive(Default)]
struct Families {
    operations: Totals,
    http: Totals,
    requests: Totals,
    refusals: Totals,
}

impl Metrics {
    fn totals(&self, endpoints: &[Arc<Endpoint>]) -> Families {
        let names = self.names.load();
        let mut families = Families::default();
        for (key, series) in self.series.load().iter() {
            let Some(endpoint) = endpoints.get(usize::from(key.endpoint)) else { continue };
            let add = |totals: &mut Totals, labels| series.add_to(totals.entry(labels).or_default());
            if key.method.is_some() {
                add(&mut families.operations, operation_labels(key, &names));
            }
            if !key.batched {
                add(&mut families.http, http_labels(key, endpoint));
            }
            add(&mut families.requests, request_labels(key));
            if let Some(reason) = key.reason {
                let mut labels = vec![("reason", reason.into())];
                labels.extend(key.method.map(|method| ("mcp_method_name", method.into())));
                add(&mut families.refusals, labels);
            }
        }
        families
    }

    fn encode_busy(&self, encoder: &mut DescriptorEncoder<'_>, endpoints: &[Arc<Endpoint>]) -> fmt::Result {
        let mut family = encoder.encode_descriptor(
            "http_server_active_requests",
            "Requests that are being answered",
            None,
            MetricType::Gauge,
        )?;
        for endpoint in endpoints {
            for method in HttpMethod::ALL {
                let count = |shard: &super::Busy| shard.requests[method as usize].load(Ordering::Relaxed);
                let active: i64 = endpoint.shards.iter().map(count).sum();
                let labels: Labels = vec![
                    ("http_request_method", method.as_str().into()),
                    ("http_route", endpoint.path.clone().into()),
                    ("url_scheme", endpoint.scheme.clone().into()),
                ];
                family.encode_family(&labels)?.encode_gauge(&active)?;
            }
        }
        let open = |endpoint: &Endpoint| -> i64 {
            endpoint.shards.iter().map(|shard| shard.streams.load(Ordering::Relaxed)).sum()
        };
        let ever = |endpoint: &Endpoint| -> u64 {
            endpoint.shards.iter().map(|shard| shard.streams_ever.load(Ordering::Relaxed)).sum()
        };
        let route = |endpoint: &Endpoint| -> Labels { vec![("http_route", endpoint.path.clone().into())] };
        let mut family = encoder.encode_descriptor(
            "barewire_open_streams",
            "Answers that are streams and have not ended",
            None,
            MetricType::Gauge,
        )?;
        for endpoint in endpoints {
            family.encode_family(&route(endpoint))?.encode_gauge(&open(endpoint))?;
        }
        let mut family = encoder.encode_descriptor(
            "barewire_streams",
            "Answers that were or are streams",
            None,
            MetricType::Counter,
        )?;
        for endpoint in endpoints {
            family
                .encode_family(&route(endpoint))?
                .encode_counter::<NoLabelSet, _, u64>(&ever(endpoint), None)?;
        }
        Ok(())
    }

    fn encode_events(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let events = self.events.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut family = encoder.encode_descriptor(
            "barewire_authorization_events",
            "What happened at the authorization server",
            None,
            MetricType::Counter,
        )?;
        for ((event, refused), count) in events {
            let decision = if refused { "refused" } else { "allowed" };
            let labels: Labels = vec![("event", event.into()), ("decision", decision.into())];
            family.encode_family(&labels)?.encode_counter::<NoLabelSet, _, u64>(&count, None)?;
        }
        Ok(())
    }

    fn encode_attempts(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let attempts = self.attempts.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut family = encoder.encode_descriptor(
            "barewire_connection_attempts",
            "Attempts of clients to connect, by where and why they ended",
            None,
            MetricType::Counter,
        )?;
        for (ended, count) in attempts {
            let reason = if ended.reason.is_empty() { "none" } else { ended.reason };
            let labels: Labels = vec![
                ("step", ended.step.as_str().into()),
                ("outcome", ended.outcome.as_str().into()),
                ("reason", reason.into()),
            ];
            family.encode_family(&labels)?.encode_counter::<NoLabelSet, _, u64>(&count, None)?;
        }
        Ok(())
    }

    fn encode_audit(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let audit = self.audit.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let Some(audit) = audit else { return Ok(()) };
        let counts = audit.counts.read();
        for (name, help, value) in [
            ("barewire_audit_records", "Records written to the audit log", counts.written),
            ("barewire_audit_lost", "Records that found no room and are lost", counts.lost),
            ("barewire_audit_failures", "Attempts to write the audit log that failed", counts.failures),
        ] {
            let mut metric = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
            metric.encode_counter::<NoLabelSet, _, u64>(&value, None)?;
        }
        for (name, help, value) in [
            (
                "barewire_audit_queue_bytes",
                "Bytes of records that wait to be written",
                audit.queue.len() as u64,
            ),
            ("barewire_audit_head", "Number of the last record written", counts.head),
        ] {
            let mut metric = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
            metric.encode_gauge(&value)?;
        }
        Ok(())
    }
}

fn operation_labels(key: &Key, names: &Names) -> Labels {
    let mut labels: Labels = Vec::with_capacity(8);
    labels.extend(key.method.map(|method| ("mcp_method_name", method.into())));
    labels.extend(key.revision.map(|revision| ("mcp_protocol_version", revision.as_str().into())));
    labels.push(("network_transport", "tcp".into()));
    if let Some(number) = key.name {
        let label = if key.method == Some("prompts/get") { "gen_ai_prompt_name" } else { "gen_ai_tool_name" };
        let name = names.names.get(usize::from(number)).filter(|_| number != OTHER_NAME);
        labels.push((label, name.map_or("_OTHER".into(), |name| name.to_string().into())));
    }
    if key.method == Some("tools/call") {
        labels.push(("gen_ai_operation_name", "execute_tool".into()));
    }
    labels.extend(key.ending.error_type(key.status).map(|error| ("error_type", error.into())));
    labels.extend(key.ending.code().map(|code| ("rpc_response_status_code", code.into())));
    labels
}

fn http_labels(key: &Key, endpoint: &Endpoint) -> Labels {
    let mut labels: Labels = vec![
        ("http_request_method", key.http_method.as_str().into()),
        ("http_route", endpoint.path.clone().into()),
        ("url_scheme", endpoint.scheme.clone().into()),
    ];
    if key.status != 0 {
        labels.push(("http_response_status_code", key.status.to_string().into()));
    }
    if key.status >= 500 {
        labels.push(("error_type", key.status.to_string().into()));
    }
    labels
}

fn request_labels(key: &Key) -> Labels {
    let mut labels: Labels = vec![("outcome", key.ending.outcome().into())];
    labels.extend(key.method.map(|method| ("mcp_method_name", method.into())));
    labels.extend(key.revision.map(|revision| ("mcp_protocol_version", revision.as_str().into())));
    if key.status != 0 {
        labels.push(("http_response_status_code", key.status.to_string().into()));
    }
    labels
}

fn histograms(family: &mut MetricEncoder<'_>, totals: &Totals, bounds: &[u64]) -> fmt::Result {
    for (labels, total) in totals {
        let sum = total.nanos as f64 / 1e9;
        family.encode_family(labels)?.encode_histogram::<NoLabelSet>(
            sum,
            total.count(),
            &total.histogram(bounds),
            None,
        )?;
    }
    Ok(())
}

fn counters(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    totals: &Totals,
    value: impl Fn(&Total) -> u64,
) -> fmt::Result {
    let mut family = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
    for (labels, total) in totals {
        family.encode_family(labels)?.encode_counter::<NoLabelSet, _, u64>(&value(total), None)?;
    }
    Ok(())
}

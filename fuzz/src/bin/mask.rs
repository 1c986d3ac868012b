//! What is recorded of an exchange: a secret that stood where secrets stand is nowhere in it, nor in what is exported.
//! The names in the request say where that is.
#![no_main]

use std::time::SystemTime;

use barewire_exchange::mask::names::{self, Kind};
use barewire_exchange::{ExchangeBuilder, Limits, Masker, Step, curl, har};
use barewire_fuzz::request;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use http::{Method, StatusCode};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use url::form_urlencoded;

/// So much of a secret is one.
const PART: usize = 8;

fuzz_target!(|data: &[u8]| {
    let secret = secret_of(data);
    echoed(&String::from_utf8_lossy(data), &secret);
    let Some((mut parts, body)) = request(data) else { return };
    plant_headers(&mut parts.headers, &secret);
    let query = plant_pairs(parts.uri.query().unwrap_or_default(), &secret);
    let url = format!("https://mcp.example.com/callback?{query}");
    let json = serde_json::from_slice(body).ok().map(|mut body: Value| {
        plant_members(&mut body, &secret);
        body.to_string()
    });
    let body = match &json {
        Some(json) => json.clone(),
        None => {
            let form = plant_pairs(&String::from_utf8_lossy(body), &secret);
            if form.trim_start().starts_with(['{', '[']) {
                return;
            }
            let media_type = HeaderValue::from_static("application/x-www-form-urlencoded");
            parts.headers.insert(CONTENT_TYPE, media_type);
            form
        }
    };

    // Now and then the end of an answer is cut off, and a secret in the middle.
    let max_body_bytes = 64 + usize::from(data.last().copied().unwrap_or_default());
    let limits = Limits { max_body_bytes, ..Limits::default() };
    let now = SystemTime::UNIX_EPOCH;
    let mut builder = ExchangeBuilder::new("1".into(), Step::ALL[0], now, Masker::new(), limits);
    builder.request(&Method::POST, &url, &parts.headers, Some(body.as_bytes()));
    builder.response(StatusCode::OK, &parts.headers, now);
    if let Some(json) = &json {
        builder.stream_event(None, None, None, json, now);
    }
    builder.body_chunk(body.as_bytes());
    builder.finish(now);

    let exchange = builder.exchange();
    let har = serde_json::to_string(&har::export([exchange], "1")).expect("it can be written");
    let kept = serde_json::to_string(exchange).expect("it can be written");
    for text in [kept, curl::to_curl(exchange), har] {
        let leaked = secret.as_bytes().windows(PART).find(|part| {
            let part = std::str::from_utf8(part).expect("it is made of letters and digits");
            text.contains(part)
        });
        assert!(leaked.is_none(), "{secret} in {text}");
    }
});

/// A secret that the input cannot hold: it is made of the whole of it.
fn secret_of(data: &[u8]) -> String {
    const LETTERS: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    Sha256::digest(data).iter().map(|byte| char::from(LETTERS[usize::from(*byte) % 62])).collect()
}

/// What is known to be a secret is masked in any text.
fn echoed(text: &str, secret: &str) {
    let masker = Masker::new();
    masker.learn(secret);
    let middle = (0..=text.len() / 2).rev().find(|index| text.is_char_boundary(*index)).unwrap_or(0);
    let (before, after) = text.split_at(middle);
    let masked = masker.text(&format!("{before}{secret}{after}"));
    assert!(!masked.contains(secret), "{secret} in {masked}");
}

fn plant_headers(headers: &mut HeaderMap, secret: &str) {
    for (name, value) in headers.iter_mut() {
        let planted = match name.as_str() {
            "authorization" | "proxy-authorization" => format!("Bearer {secret}"),
            "cookie" => format!("a=1; b={secret}"),
            "set-cookie" => format!("a={secret}; Path=/"),
            name if names::header(name).is_some() => secret.to_owned(),
            _ => continue,
        };
        *value = HeaderValue::from_str(&planted).expect("letters and digits make a header");
    }
}

fn plant_pairs(text: &str, secret: &str) -> String {
    let plant = |pair: &str| match pair.split_once('=') {
        Some((name, _)) if is_secret(name) => format!("{name}={secret}"),
        _ => pair.to_owned(),
    };
    text.split('&').map(plant).collect::<Vec<_>>().join("&")
}

fn is_secret(name: &str) -> bool {
    let name = form_urlencoded::parse(name.as_bytes()).next().unwrap_or_default().0;
    names::parameter(name.trim()).is_some_and(|kind| kind != Kind::Partly)
}

fn plant_members(value: &mut Value, secret: &str) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| plant_members(item, secret)),
        Value::Object(members) => {
            for (name, value) in members {
                match value {
                    Value::String(text) if names::member(name).is_some() => secret.clone_into(text),
                    value => plant_members(value, secret),
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

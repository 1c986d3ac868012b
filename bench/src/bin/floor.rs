//! `floor --listen ADDR --kind fixed|serde`: what HTTP itself costs here, which no MCP server can undercut.
//!
//! Bare hyper on tokio, one task a connection, no limits and no timers. `fixed` reads the body and gives the answer of
//! `tools/call echo` from a constant; `serde` reads it into a [`serde_json::Value`], takes the id and the text out, and
//! writes the answer as a [`serde_json::Value`]: what the shortest program that speaks JSON-RPC would do.

use std::convert::Infallible;
use std::net::SocketAddr;

use anyhow::Result;
use bytes::Bytes;
use clap::{Parser, ValueEnum};
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// Bare hyper servers that give the answer of `echo`.
#[derive(Parser)]
struct Arguments {
    /// Address and port.
    #[arg(long, default_value = "127.0.0.1:8101")]
    listen: SocketAddr,
    /// What it does with a body.
    #[arg(long, value_enum, default_value = "serde")]
    kind: Kind,
}

#[derive(Clone, Copy, ValueEnum)]
enum Kind {
    /// Reads it and answers with a constant.
    Fixed,
    /// Through `serde_json::Value` both ways.
    Serde,
}

#[tokio::main]
async fn main() -> Result<()> {
    let _as_many_as_may_be = barewire_bench::raw::raise_open_files();
    let Arguments { listen, kind } = Arguments::parse();
    let listener = TcpListener::bind(listen).await?;
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        tokio::spawn(async move {
            let service = service_fn(move |request| answer(request, kind));
            // A client that goes away is none of our business.
            let _ended = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

const FIXED: &str = r#"{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"hello"}],"isError":false,"resultType":"complete"}}"#;

async fn answer(request: Request<Incoming>, kind: Kind) -> Result<Response<Full<Bytes>>, Infallible> {
    let body =
        request.into_body().collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    let answer = match kind {
        Kind::Fixed => Bytes::from_static(FIXED.as_bytes()),
        Kind::Serde => echo(&body),
    };
    let mut response = Response::new(Full::new(answer));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(response)
}

fn echo(body: &[u8]) -> Bytes {
    let message: Value = serde_json::from_slice(body).unwrap_or_default();
    let answer = json!({
        "jsonrpc": "2.0",
        "id": message["id"],
        "result": {
            "content": [{ "type": "text", "text": message["params"]["arguments"]["text"] }],
            "isError": false,
            "resultType": "complete",
        },
    });
    Bytes::from(answer.to_string())
}

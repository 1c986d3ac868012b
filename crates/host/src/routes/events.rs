//! `GET /api/events`: what happens in the session, as it happens.

use std::convert::Infallible;

use axum::extract::{Query, State};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use http::{HeaderMap, HeaderName, HeaderValue};
use serde::Deserialize;

use super::Browser;
use crate::api;
use crate::error::ApiError;
use crate::host::App;

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

#[derive(Deserialize)]
pub(crate) struct Position {
    /// Where the first connection starts; a browser that reconnects says `Last-Event-ID`, which is newer.
    after: Option<String>,
}

/// The stream. It ends when the host stops or the session is gone, and costs nothing while nothing happens.
///
/// A page whose session is gone is told to fetch the state, which gives it a new one: a browser that cannot open an
/// event stream says nothing to its page but that it cannot.
pub(crate) async fn events(
    State(app): State<App>,
    browser: Result<Browser, ApiError>,
    Query(position): Query<Position>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let session = match browser {
        Ok(Browser(session)) => session,
        Err(ApiError::NoSession) => return Ok(resync()),
        Err(error) => return Err(error),
    };
    let place = session.event_stream(app.limits())?;
    let last = headers.get(LAST_EVENT_ID).map(|it| it.to_str().unwrap_or_default());
    let reader = session.events().read(last.or(position.after.as_deref()));
    let closed = session.closed().clone();
    let shutdown = app.shutdown().clone();
    let stream = stream::unfold(
        (reader, place, closed, shutdown),
        |(mut reader, place, closed, shutdown)| async move {
            let entry = tokio::select! {
                biased;
                () = shutdown.cancelled() => return None,
                () = closed.cancelled() => return None,
                entry = reader.next() => entry,
            };
            let event = Event::default().id(entry.id).data(&entry.data);
            Some((Ok::<_, Infallible>(event), (reader, place, closed, shutdown)))
        },
    );
    let keep_alive = KeepAlive::new().interval(app.limits().keep_alive);
    Ok(unbuffered(Sse::new(stream).keep_alive(keep_alive).into_response()))
}

fn resync() -> Response {
    let data = serde_json::to_string(&api::Event::Resync).unwrap_or_default();
    unbuffered(Sse::new(stream::iter([Ok::<_, Infallible>(Event::default().data(data))])).into_response())
}

fn unbuffered(mut response: Response) -> Response {
    // Proxies that collect an answer before they pass it on would make this silent.
    response
        .headers_mut()
        .insert(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
    response
}

//! Where a login in the browser ends.

use serde_json::{Map, Value};
use url::Url;

use crate::answer::{Answer, Content, Head};

/// The browser is sent back to the client: the redirect, with the parameters of its address as the body. That is how a client sees
/// it.
pub(crate) fn landing(url: &Url, query: Map<String, Value>) -> Answer {
    let mut without = url.clone();
    without.set_query(None);
    let headers = vec![("location".to_owned(), without.to_string())];
    Answer { head: Some(Head { status: 302, headers }), content: Content::Json(Value::Object(query)) }
}

//! `barewire token URL`: the headers with which one request presents the kept token, for curl and its like.

use std::time::SystemTime;

use barewire_oauth::dpop::{BoundToken, PROOF_HEADER};
use http::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use serde_json::json;

use crate::arguments::{Common, Token};
use crate::connect::kept_token;
use crate::outcome::Failure;
use crate::terminal::print;

pub(crate) async fn run(arguments: Token, common: &Common) -> Result<(), Failure> {
    let kept = kept_token(&arguments.url, common).await?;
    let mut headers = HeaderMap::new();
    let bearer = format!("Bearer {}", kept.token.expose());
    headers.insert(AUTHORIZATION, HeaderValue::from_str(&bearer).map_err(Failure::internal)?);
    if let Some(possession) = kept.possession {
        let method = http::Method::from_bytes(arguments.method.to_ascii_uppercase().as_bytes())
            .map_err(|_| Failure::usage(format_args!("{} is no method of HTTP", arguments.method)))?;
        let bound = BoundToken::new(kept.token, possession).with_nonce(arguments.nonce);
        let url = arguments.request.unwrap_or(arguments.url);
        let id = format!("{:032x}", rand::random::<u128>());
        bound.present(&mut headers, &method, &url, &id, SystemTime::now()).map_err(Failure::internal)?;
    }
    let line = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let (authorization, proof) = (line(AUTHORIZATION.as_str()), line(PROOF_HEADER));
    if common.json {
        print(&json!({ "authorization": authorization, "dpop": proof }).to_string());
    } else {
        let lines = [("Authorization", authorization), ("DPoP", proof)];
        for (name, value) in lines.iter().filter_map(|(name, value)| Some((name, (*value)?))) {
            print(&format!("{name}: {value}"));
        }
    }
    Ok(())
}

//! The page itself: files of `web/dist`, out of the binary or, for those who work on the page, out of a folder.

use std::borrow::Cow;
use std::path::{Component, Path, PathBuf};

use axum::response::{Html, IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use http::{HeaderMap, HeaderValue, StatusCode};
use rust_embed::RustEmbed;
use sha2::{Digest, Sha256};

/// Vite puts files here whose name contains a hash of their content; they never change.
const HASHED: &str = "assets/";
const INDEX: &str = "index.html";

#[derive(RustEmbed)]
#[folder = "../../web/dist"]
#[allow_missing = true]
struct Embedded;

/// Where the page comes from.
#[derive(Debug, Clone)]
pub(crate) enum Assets {
    /// The binary. In debug builds the folder in which it was built.
    Embedded,
    /// A folder.
    Folder(PathBuf),
}

struct Asset {
    bytes: Cow<'static, [u8]>,
    tag: String,
}

impl Assets {
    pub(crate) fn new(folder: Option<PathBuf>) -> Self {
        folder.map_or(Self::Embedded, Self::Folder)
    }

    /// Answers a GET or HEAD outside `/api`: the file, or the page where the path is one of the page's own.
    pub(crate) fn answer(&self, path: &str, headers: &HeaderMap) -> Response {
        let path = path.trim_start_matches('/');
        let name = if path.is_empty() { INDEX } else { path };
        if let Some(asset) = self.load(name) {
            return asset.answer(name, headers);
        }
        // A script or picture that is missing must not come back as the page; a place within the page must.
        if name != INDEX && (name.starts_with(HASHED) || !accepts_html(headers)) {
            return (StatusCode::NOT_FOUND, "There is no such file.\n").into_response();
        }
        match self.load(INDEX) {
            Some(asset) => asset.answer(INDEX, headers),
            None => {
                (StatusCode::SERVICE_UNAVAILABLE, Html(include_str!("assets/not_built.html"))).into_response()
            }
        }
    }

    fn load(&self, name: &str) -> Option<Asset> {
        if !Path::new(name).components().all(|it| matches!(it, Component::Normal(_))) {
            return None;
        }
        match self {
            Self::Embedded => {
                let file = Embedded::get(name)?;
                Some(Asset { bytes: file.data, tag: tag(&file.metadata.sha256_hash()) })
            }
            Self::Folder(folder) => {
                let bytes = std::fs::read(folder.join(name)).ok()?;
                let tag = tag(&Sha256::digest(&bytes));
                Some(Asset { bytes: bytes.into(), tag })
            }
        }
    }
}

impl Asset {
    fn answer(self, name: &str, headers: &HeaderMap) -> Response {
        let cache = if name.starts_with(HASHED) { "public, max-age=31536000, immutable" } else { "no-cache" };
        let known = headers.get(IF_NONE_MATCH).and_then(|it| it.to_str().ok()).is_some_and(|known| {
            known.split(',').any(|it| it.trim().trim_start_matches("W/") == self.tag || it.trim() == "*")
        });
        let mut response = if known {
            StatusCode::NOT_MODIFIED.into_response()
        } else {
            let media_type = mime_guess::from_path(name).first_or_octet_stream();
            let text = media_type.type_() == "text" || media_type.subtype() == "javascript";
            let charset = if text { "; charset=utf-8" } else { "" };
            let mut response = self.bytes.into_owned().into_response();
            if let Ok(value) = HeaderValue::from_str(&format!("{media_type}{charset}")) {
                response.headers_mut().insert(CONTENT_TYPE, value);
            }
            response
        };
        response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static(cache));
        if let Ok(tag) = HeaderValue::from_str(&self.tag) {
            response.headers_mut().insert(ETAG, tag);
        }
        response
    }
}

fn tag(hash: &[u8]) -> String {
    format!("\"{}\"", URL_SAFE_NO_PAD.encode(hash.get(..16).unwrap_or(hash)))
}

fn accepts_html(headers: &HeaderMap) -> bool {
    headers.get(ACCEPT).and_then(|it| it.to_str().ok()).is_some_and(|it| it.contains("text/html"))
}

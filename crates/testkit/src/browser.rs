//! A browser without JavaScript: cookies, redirects, forms, and the rules that make real logins fail.
//!
//! Two of those rules are followed because servers that pass other tests break on them: a form's page with
//! `Referrer-Policy: no-referrer` posts `Origin: null` ([Fetch, 3.2]), and Chromium holds a form's redirects to the
//! page's `form-action` ([CSP 3, 6.4.1]).
//!
//! [Fetch, 3.2]: https://fetch.spec.whatwg.org/#origin-header
//! [CSP 3, 6.4.1]: https://www.w3.org/TR/CSP3/#directive-form-action

use std::collections::HashMap;
use std::time::Duration;

use http::header::{ACCEPT, CONTENT_SECURITY_POLICY, COOKIE, LOCATION, ORIGIN, REFERRER_POLICY, SET_COOKIE};
use http::{HeaderMap, Method};
use url::Url;

use crate::jar::Jar;
use crate::page::{Form, Page};

/// More than any honest flow needs; a loop ends here.
const MAX_REDIRECTS: usize = 20;

/// A person's browser. Each has its own cookies.
#[derive(Debug, Clone)]
pub struct Browser {
    http: reqwest::Client,
    jar: Jar,
}

/// Where a navigation ended.
#[derive(Debug, Clone)]
pub enum Landing {
    /// On a page.
    Page(Page),
    /// At the door of `stop_at`: the redirect that led there was not followed.
    Left(Url),
}

/// Why a navigation did not end on a page.
#[derive(Debug, thiserror::Error)]
pub enum BrowserError {
    /// The server could not be reached, or went away in the middle.
    #[error("request failed")]
    Request(#[from] reqwest::Error),
    /// A redirect without a `Location` that is a URL.
    #[error("{url} redirects to nowhere: {location:?}")]
    BadRedirect {
        /// The page that redirects.
        url: Url,
        /// What it said.
        location: String,
    },
    /// Twenty redirects in a row.
    #[error("too many redirects, the last to {0}")]
    RedirectLoop(Url),
    /// The page that holds the form forbids where the form leads.
    #[error("form-action {policy:?} blocks {target}")]
    FormAction {
        /// The directive.
        policy: String,
        /// Where the form, or a redirect after it, leads.
        target: Url,
    },
    /// A page that is neither a login nor a consent that can be given.
    #[error("stuck at {url} with status {status}: {text}")]
    Stuck {
        /// Where.
        url: Url,
        /// The status of that page.
        status: u16,
        /// What a person reads there.
        text: String,
    },
}

impl Default for Browser {
    fn default() -> Self {
        Self::new()
    }
}

impl Browser {
    /// A new browser with an empty jar.
    pub fn new() -> Self {
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .timeout(Duration::from_secs(30))
            .build()
            .expect("a client without a proxy and with built-in roots can be built");
        Self { http, jar: Jar::default() }
    }

    /// Opens `url` as if typed into the address bar and follows redirects to a page.
    ///
    /// # Errors
    /// [`BrowserError`], see its variants.
    pub async fn open(&mut self, url: &Url) -> Result<Page, BrowserError> {
        match self.navigate(Request::get(url.clone()), None).await? {
            Landing::Page(page) => Ok(page),
            Landing::Left(url) => Err(BrowserError::RedirectLoop(url)),
        }
    }

    /// Like [`Browser::open`], but does not follow a redirect to `stop_at` (compared without the query).
    ///
    /// # Errors
    /// [`BrowserError`], see its variants.
    pub async fn open_until(&mut self, url: &Url, stop_at: &Url) -> Result<Landing, BrowserError> {
        self.navigate(Request::get(url.clone()), Some(stop_at)).await
    }

    /// Submits `form` of `page` and follows redirects, to `stop_at` at most.
    ///
    /// # Errors
    /// [`BrowserError`], see its variants.
    pub async fn submit(
        &mut self,
        page: &Page,
        form: &Form,
        stop_at: Option<&Url>,
    ) -> Result<Landing, BrowserError> {
        self.navigate(Request::submit(page, form), stop_at).await
    }

    /// Submits `form` of `page`, which leads to another page.
    ///
    /// # Panics
    /// When it does not.
    pub async fn send(&mut self, page: &Page, form: &Form) -> Page {
        match self.submit(page, form, None).await {
            Ok(Landing::Page(page)) => page,
            Ok(Landing::Left(url)) => panic!("it led to {url}"),
            Err(error) => panic!("it led to no page: {error}"),
        }
    }

    /// Goes from an authorization URL to the client's callback as a person does: logs in where a page asks for a
    /// password, consents where a page asks for consent. Returns the callback with its query; nothing was sent to it.
    ///
    /// # Errors
    /// [`BrowserError::Stuck`] when a page asks for something else or refuses.
    pub async fn login_and_consent(
        &mut self,
        authorize_url: &Url,
        user: &str,
        password: &str,
    ) -> Result<Url, BrowserError> {
        let callback = redirect_uri(authorize_url);
        self.log_in_until(authorize_url, callback.as_ref(), user, password).await
    }

    /// The same where the URL does not say what the callback is.
    ///
    /// # Errors
    /// As [`Browser::login_and_consent`].
    pub async fn login_and_consent_until(
        &mut self,
        authorize_url: &Url,
        callback: &Url,
        user: &str,
        password: &str,
    ) -> Result<Url, BrowserError> {
        self.log_in_until(authorize_url, Some(callback), user, password).await
    }

    async fn log_in_until(
        &mut self,
        authorize_url: &Url,
        callback: Option<&Url>,
        user: &str,
        password: &str,
    ) -> Result<Url, BrowserError> {
        let mut landing = self.navigate(Request::get(authorize_url.clone()), callback).await?;
        let mut asked_for_password = false;
        loop {
            let page = match landing {
                Landing::Left(callback) => return Ok(callback),
                Landing::Page(page) => page,
            };
            let Some(form) = answer(&page, user, password, &mut asked_for_password) else {
                let (status, text) = (page.status.as_u16(), page.text());
                return Err(BrowserError::Stuck { url: page.url, status, text });
            };
            landing = self.submit(&page, &form, callback).await?;
        }
    }

    /// The value of a cookie that `url` would receive.
    pub fn cookie(&self, url: &Url, name: &str) -> Option<&str> {
        self.jar.value(url, name)
    }

    /// Forgets all cookies.
    pub fn forget(&mut self) {
        self.jar.clear();
    }

    async fn navigate(&mut self, first: Request, stop_at: Option<&Url>) -> Result<Landing, BrowserError> {
        let mut request = first;
        for _ in 0..MAX_REDIRECTS {
            if let Some(policy) = &request.form_action
                && !allows(policy, &request.from, &request.url)
            {
                return Err(BrowserError::FormAction { policy: policy.clone(), target: request.url });
            }
            if stop_at.is_some_and(|stop| same_place(stop, &request.url)) {
                return Ok(Landing::Left(request.url));
            }
            let response = self.fetch(&request).await?;
            let (status, headers) = (response.status(), response.headers().clone());
            self.jar.take(&request.url, &headers);
            if !status.is_redirection() {
                let body = response.text().await?;
                return Ok(Landing::Page(Page { url: request.url, status, headers, body }));
            }
            let location = headers.get(LOCATION).and_then(|l| l.to_str().ok()).unwrap_or_default().to_owned();
            let Some(target) = (!location.is_empty()).then(|| request.url.join(&location).ok()).flatten()
            else {
                return Err(BrowserError::BadRedirect { url: request.url, location });
            };
            request = request.redirected(target, status.as_u16());
        }
        Err(BrowserError::RedirectLoop(request.url))
    }

    async fn fetch(&self, request: &Request) -> Result<reqwest::Response, BrowserError> {
        let mut builder = self
            .http
            .request(request.method.clone(), request.url.clone())
            .header(ACCEPT, "text/html,application/xhtml+xml,*/*;q=0.8")
            .header("sec-fetch-mode", "navigate")
            .header("sec-fetch-dest", "document")
            .header("sec-fetch-site", request.fetch_site());
        if let Some(cookies) = self.jar.header(&request.url) {
            builder = builder.header(COOKIE, cookies);
        }
        if let Some(origin) = &request.origin {
            builder = builder.header(ORIGIN, origin);
        }
        if let Some(fields) = &request.body {
            builder = builder.form(fields);
        }
        Ok(builder.send().await?)
    }
}

/// One step of a navigation.
#[derive(Debug)]
struct Request {
    method: Method,
    url: Url,
    body: Option<Vec<(String, String)>>,
    /// The page that started it; none when typed.
    from: Option<Url>,
    origin: Option<String>,
    form_action: Option<String>,
}

impl Request {
    fn get(url: Url) -> Self {
        Self { method: Method::GET, url, body: None, from: None, origin: None, form_action: None }
    }

    fn submit(page: &Page, form: &Form) -> Self {
        let mut request = Self {
            from: Some(page.url.clone()),
            form_action: form_action(&page.headers),
            ..Self::get(form.action.clone())
        };
        if form.post {
            request.method = Method::POST;
            request.body = Some(form.fields.clone());
            request.origin = Some(origin_header(page, &form.action));
        } else {
            request.url.set_query(None);
            request.url.query_pairs_mut().extend_pairs(&form.fields);
        }
        request
    }

    /// 307 and 308 repeat the request; the others turn it into a `GET`.
    fn redirected(self, target: Url, status: u16) -> Self {
        if matches!(status, 307 | 308) {
            Self { url: target, ..self }
        } else {
            Self { from: self.from, form_action: self.form_action, ..Self::get(target) }
        }
    }

    fn fetch_site(&self) -> &'static str {
        match &self.from {
            None => "none",
            Some(from) if from.origin() == self.url.origin() => "same-origin",
            Some(from) if from.host_str() == self.url.host_str() => "same-site",
            Some(_) => "cross-site",
        }
    }
}

/// The filled form that leads on from `page`, if it is one that a person can pass.
fn answer(page: &Page, user: &str, password: &str, asked_for_password: &mut bool) -> Option<Form> {
    if !page.status.is_success() {
        return None;
    }
    let forms = page.forms();
    if let Some(form) = forms.iter().find(|form| !form.passwords.is_empty()) {
        // The same page again means that the password was wrong.
        if std::mem::replace(asked_for_password, true) {
            return None;
        }
        let name = ["username", "user", "login", "email"]
            .into_iter()
            .find(|name| form.fields.iter().any(|(field, _)| field == name))?;
        let filled = form.clone().fill(name, user).fill(&form.passwords[0], password);
        let first_button = filled.buttons.first().cloned();
        return Some(match first_button {
            Some((name, value, _)) if !name.is_empty() => {
                let mut filled = filled;
                filled.fields.push((name, value));
                filled
            }
            _ => filled,
        });
    }
    forms.into_iter().find_map(|form| form.press(&["allow", "approve", "accept", "consent"]))
}

fn redirect_uri(authorize_url: &Url) -> Option<Url> {
    let pairs: HashMap<_, _> = authorize_url.query_pairs().collect();
    Url::parse(pairs.get("redirect_uri")?).ok()
}

fn same_place(stop: &Url, url: &Url) -> bool {
    stop.origin() == url.origin() && stop.path() == url.path() && stop.scheme() == url.scheme()
}

fn origin_header(page: &Page, target: &Url) -> String {
    let policy = page.headers.get(REFERRER_POLICY).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let same = page.url.origin() == target.origin();
    match policy.rsplit(',').next().map(str::trim) {
        Some("no-referrer") => "null".to_owned(),
        Some("same-origin") if !same => "null".to_owned(),
        _ => page.url.origin().ascii_serialization(),
    }
}

fn form_action(headers: &HeaderMap) -> Option<String> {
    let policies = headers.get_all(CONTENT_SECURITY_POLICY).iter().filter_map(|v| v.to_str().ok());
    policies
        .flat_map(|policy| policy.split(';'))
        .filter_map(|directive| directive.trim().strip_prefix("form-action"))
        .map(|sources| sources.trim().to_owned())
        .next()
}

fn allows(policy: &str, page: &Option<Url>, target: &Url) -> bool {
    policy.split_ascii_whitespace().any(|source| match source {
        "*" => true,
        "'self'" => page.as_ref().is_some_and(|page| page.origin() == target.origin()),
        "'none'" => false,
        scheme if scheme.ends_with(':') => scheme.trim_end_matches(':') == target.scheme(),
        source => Url::parse(source).is_ok_and(|source| {
            source.origin() == target.origin()
                && (source.path() == "/" || source.path() == target.path())
                && source.scheme() == target.scheme()
        }),
    })
}

/// What a `Set-Cookie` header of `page` says about the cookie `name`: the attributes, lower-case, as they came.
pub fn cookie_attributes(page: &Page, name: &str) -> Option<String> {
    let lines = page.headers.get_all(SET_COOKIE).iter().filter_map(|v| v.to_str().ok());
    lines
        .filter_map(|line| line.split_once(';'))
        .find(|(pair, _)| pair.split_once('=').is_some_and(|(n, _)| n == name))
        .map(|(_, attributes)| attributes.to_lowercase())
}

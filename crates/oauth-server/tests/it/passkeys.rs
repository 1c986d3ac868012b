//! Passkeys, with an authenticator of our own: everything that a real one and its browser would send, and what they
//! would not.

use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};
use barewire_oauth_server::AuthConfig;
use barewire_testkit::Page;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::{Response, StatusCode};
use sha2::{Digest as _, Sha256};

use crate::world::{RawForm, World, config, has_session, set_cookies};

const ORIGIN: &str = "https://as.example";
const VERIFIED: u8 = 0x05;

/// A server with a name: passkeys are for domains.
async fn world() -> World {
    World::known_as(ORIGIN).await
}

struct Authenticator {
    pair: EcdsaKeyPair,
    id: Vec<u8>,
    handle: String,
}

/// What a browser says about a ceremony; a test changes one thing.
struct Said<'a> {
    kind: &'a str,
    challenge: &'a str,
    origin: &'a str,
    rp_id: &'a str,
    flags: u8,
    counter: u32,
    cross_origin: bool,
}

impl<'a> Said<'a> {
    fn new(kind: &'a str, challenge: &'a str) -> Self {
        Self {
            kind,
            challenge,
            origin: ORIGIN,
            rp_id: "as.example",
            flags: VERIFIED,
            counter: 0,
            cross_origin: false,
        }
    }

    fn client_data(&self) -> Vec<u8> {
        let Self { kind, challenge, origin, cross_origin, .. } = self;
        format!(r#"{{"type":"{kind}","challenge":"{challenge}","origin":"{origin}","crossOrigin":{cross_origin}}}"#)
            .into_bytes()
    }

    fn authenticator_data(&self, made: Option<&[u8]>) -> Vec<u8> {
        let flags = self.flags | if made.is_some() { 0x40 } else { 0 };
        let mut data =
            [&Sha256::digest(self.rp_id)[..], &[flags][..], &self.counter.to_be_bytes()[..]].concat();
        if let Some(id) = made {
            data.extend([0; 16]);
            data.extend(u16::try_from(id.len()).unwrap().to_be_bytes());
            data.extend(id);
            data.extend(b"the key in CBOR, which nobody reads");
        }
        data
    }
}

impl Authenticator {
    fn new(id: u8, handle: &str) -> Self {
        let pkcs8 =
            EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &SystemRandom::new()).unwrap();
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, pkcs8.as_ref()).unwrap();
        Self { pair, id: vec![id; 16], handle: handle.to_owned() }
    }

    fn made(&self, said: &Said<'_>) -> Vec<(&'static str, String)> {
        let key: PublicKeyX509Der<'_> = self.pair.public_key().as_der().unwrap();
        vec![
            ("client_data", encode(said.client_data())),
            ("authenticator_data", encode(said.authenticator_data(Some(&self.id)))),
            ("public_key", encode(key.as_ref())),
            ("algorithm", "-7".to_owned()),
        ]
    }

    fn answer(&self, said: &Said<'_>) -> Vec<(&'static str, String)> {
        let (client_data, authenticator_data) = (said.client_data(), said.authenticator_data(None));
        let signed = [&authenticator_data[..], &Sha256::digest(&client_data)[..]].concat();
        let signature = self.pair.sign(&SystemRandom::new(), &signed).unwrap();
        vec![
            ("credential", encode(&self.id)),
            ("client_data", encode(client_data)),
            ("authenticator_data", encode(authenticator_data)),
            ("signature", encode(signature.as_ref())),
            ("user_handle", self.handle.clone()),
        ]
    }
}

fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The value of the first attribute called `name`.
fn attribute(body: &str, name: &str) -> String {
    let rest = body.split(&format!("{name}=\"")).nth(1).unwrap_or_else(|| panic!("no {name} in {body}"));
    rest.split('"').next().unwrap().to_owned()
}

/// The cookie of a browser in which `user` is signed in.
async fn signed_in(world: &World, user: &str) -> String {
    let form = RawForm::get(world, world.at("/login"), "/login", None).await;
    let answer = form.post(world, &[("username", user), ("password", "secret")]).await;
    assert_eq!(answer.status(), StatusCode::SEE_OTHER);
    set_cookies(&answer)[0].clone()
}

/// The page on which the browser is asked to make a passkey, and the form that it sends.
async fn begin(world: &World, cookie: &str, name: &str) -> (RawForm, String) {
    let form = RawForm::get(world, world.at("/account/passkeys"), "/account/passkeys", Some(cookie)).await;
    let answer = form.post(world, &[("action", "begin"), ("name", name), ("current", "secret")]).await;
    assert_eq!(answer.status(), StatusCode::OK);
    (form, answer.text().await.unwrap())
}

async fn add(world: &World, form: &RawForm, fields: &[(&'static str, String)], name: &str) -> Response {
    let mut all = vec![("action", "add"), ("name", name)];
    all.extend(fields.iter().map(|(name, value)| (*name, value.as_str())));
    form.post(world, &all).await
}

/// Makes a passkey for the user behind `cookie`.
async fn register(world: &World, cookie: &str, id: u8, name: &str) -> Authenticator {
    let (form, page) = begin(world, cookie, name).await;
    let authenticator = Authenticator::new(id, &attribute(&page, "data-handle"));
    let challenge = attribute(&page, "data-challenge");
    let answer =
        add(world, &form, &authenticator.made(&Said::new("webauthn.create", &challenge)), name).await;
    assert_eq!(answer.status(), StatusCode::OK);
    assert!(answer.text().await.unwrap().contains("is added"));
    authenticator
}

/// The login page of a fresh browser: the form for passkeys, and its challenge.
async fn login(world: &World) -> (RawForm, String) {
    let answer = world.http.get(world.at("/login")).send().await.unwrap();
    let cookie = set_cookies(&answer).join("; ");
    let (url, headers) = (answer.url().clone(), answer.headers().clone());
    let page = Page { url, status: answer.status(), headers, body: answer.text().await.unwrap() };
    let form = page.forms().into_iter().find(|form| form.action.path() == "/login/passkey").unwrap();
    let csrf = form.fields.iter().find(|(name, _)| name == "csrf").unwrap().1.clone();
    (RawForm { action: form.action, cookie, csrf }, attribute(&page.body, "data-challenge"))
}

async fn send(world: &World, form: &RawForm, fields: &[(&'static str, String)]) -> Response {
    let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    form.post(world, &fields).await
}

#[tokio::test]
async fn a_passkey_signs_in_by_itself() {
    let world = world().await;
    let john = register(&world, &signed_in(&world, "johndoe").await, 1, "My phone").await;
    let (form, challenge) = login(&world).await;
    let answer = send(&world, &form, &john.answer(&Said::new("webauthn.get", &challenge))).await;
    assert_eq!(
        (answer.status(), &answer.headers()["location"]),
        (StatusCode::SEE_OTHER, &"/login".parse().unwrap())
    );
    let cookie = set_cookies(&answer)[0].clone();
    // Under a new id, whatever the browser had before.
    assert!(has_session(&world, &cookie).await && !has_session(&world, &form.cookie).await);
    let page = world.http.get(world.at("/account/passkeys")).header("cookie", &cookie).send().await.unwrap();
    let text = page.text().await.unwrap();
    assert!(text.contains("My phone") && text.contains("Last used just now"), "{text}");
}

#[tokio::test]
async fn a_challenge_counts_once_in_its_browser_and_in_its_time() {
    let world = world().await;
    let john = register(&world, &signed_in(&world, "johndoe").await, 1, "a").await;
    let (form, challenge) = login(&world).await;
    let fields = john.answer(&Said::new("webauthn.get", &challenge));
    assert_eq!(send(&world, &form, &fields).await.status(), StatusCode::SEE_OTHER);
    assert_eq!(send(&world, &form, &fields).await.status(), StatusCode::FORBIDDEN, "the very same answer");
    // Somebody saw the answer on its way and sends it from a browser of his own.
    let (mine, _) = login(&world).await;
    let (_, theirs) = login(&world).await;
    let stolen = john.answer(&Said::new("webauthn.get", &theirs));
    assert_eq!(
        send(&world, &mine, &stolen).await.status(),
        StatusCode::FORBIDDEN,
        "another browser's challenge"
    );
    // A challenge of one's own making, and one for making passkeys.
    let (_, page) = begin(&world, &signed_in(&world, "johndoe").await, "b").await;
    for challenge in ["", "AAAA", &encode([0; 56]), &attribute(&page, "data-challenge")] {
        let answer = send(&world, &mine, &john.answer(&Said::new("webauthn.get", challenge))).await;
        assert_eq!(answer.status(), StatusCode::FORBIDDEN, "{challenge}");
    }
    let (form, challenge) = login(&world).await;
    world.advance(config().passkey_timeout.as_secs());
    let late = send(&world, &form, &john.answer(&Said::new("webauthn.get", &challenge))).await;
    assert_eq!(late.status(), StatusCode::FORBIDDEN, "too late");
}

#[tokio::test]
async fn a_passkey_of_another_site_or_an_absent_person_is_refused() {
    let world = world().await;
    let john = register(&world, &signed_in(&world, "johndoe").await, 1, "a").await;
    let changes: [fn(&mut Said<'_>); 10] = [
        |said| said.origin = "https://as.example.evil",
        |said| said.origin = "https://evil.example",
        |said| said.origin = "http://as.example",
        |said| said.origin = "https://as.example:8443",
        |said| said.cross_origin = true,
        |said| said.rp_id = "evil.example",
        |said| said.kind = "webauthn.create",
        |said| said.flags = 0x01,
        |said| said.flags = 0x04,
        // Kept elsewhere, although it cannot be.
        |said| said.flags = 0x15,
    ];
    for (number, change) in changes.into_iter().enumerate() {
        let (form, challenge) = login(&world).await;
        let mut said = Said::new("webauthn.get", &challenge);
        change(&mut said);
        let answer = send(&world, &form, &john.answer(&said)).await;
        assert_eq!(answer.status(), StatusCode::FORBIDDEN, "{number}");
        assert!(set_cookies(&answer).is_empty());
        // And so for making one.
        let cookie = signed_in(&world, "johndoe").await;
        let (form, page) = begin(&world, &cookie, "b").await;
        let challenge = attribute(&page, "data-challenge");
        let mut said = Said::new("webauthn.create", &challenge);
        change(&mut said);
        if said.kind == "webauthn.create" && number == 6 {
            said.kind = "webauthn.get";
        }
        let other = Authenticator::new(9, &john.handle);
        assert_eq!(
            add(&world, &form, &other.made(&said), "b").await.status(),
            StatusCode::FORBIDDEN,
            "{number}"
        );
    }
}

#[tokio::test]
async fn a_passkey_is_good_for_its_own_user_only() {
    let world = world().await;
    let (john_cookie, jane_cookie) = (signed_in(&world, "johndoe").await, signed_in(&world, "janedoe").await);
    let john = register(&world, &john_cookie, 1, "a").await;
    let jane = register(&world, &jane_cookie, 2, "b").await;
    assert_ne!(john.handle, jane.handle);
    // Jane's key with John's handle, with John's identifier, and with no handle.
    let (form, challenge) = login(&world).await;
    let good = jane.answer(&Said::new("webauthn.get", &challenge));
    let with = |name: &str, value: String| {
        let mut fields = good.clone();
        fields.iter_mut().find(|(field, _)| *field == name).unwrap().1 = value;
        fields
    };
    for fields in [
        with("user_handle", john.handle.clone()),
        with("credential", encode(&john.id)),
        with("user_handle", String::new()),
        with("credential", encode([7; 16])),
        with("credential", encode([7; 2000])),
        with("signature", encode([0; 70])),
        with("signature", String::new()),
        with("signature", "%".to_owned()),
        good[1..].to_vec(),
    ] {
        assert_eq!(send(&world, &form, &fields).await.status(), StatusCode::FORBIDDEN, "{fields:?}");
    }
    // A challenge that John's page got, answered in Jane's session; and an identifier that is John's.
    let (_, johns_page) = begin(&world, &john_cookie, "c").await;
    let (form, page) = begin(&world, &jane_cookie, "c").await;
    let foreign = attribute(&johns_page, "data-challenge");
    let new = Authenticator::new(3, &jane.handle);
    let answer = add(&world, &form, &new.made(&Said::new("webauthn.create", &foreign)), "c").await;
    assert_eq!(answer.status(), StatusCode::FORBIDDEN);
    let same = Authenticator::new(1, &jane.handle);
    let challenge = attribute(&page, "data-challenge");
    let answer = add(&world, &form, &same.made(&Said::new("webauthn.create", &challenge)), "c").await;
    assert_eq!(answer.status(), StatusCode::FORBIDDEN);
    // Jane cannot remove John's.
    let gone = [("action", "remove"), ("current", "secret"), ("passkey", &encode(&john.id))];
    assert_eq!(form.post(&world, &gone).await.status(), StatusCode::NOT_FOUND);
    let (form, challenge) = login(&world).await;
    let answer = send(&world, &form, &john.answer(&Said::new("webauthn.get", &challenge))).await;
    assert_eq!(answer.status(), StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn a_copied_passkey_is_found_by_its_counter() {
    let world = world().await;
    let john = register(&world, &signed_in(&world, "johndoe").await, 1, "a").await;
    let use_it = async |counter: u32| {
        let (form, challenge) = login(&world).await;
        let said = Said { counter, ..Said::new("webauthn.get", &challenge) };
        send(&world, &form, &john.answer(&said)).await.status()
    };
    assert_eq!(use_it(0).await, StatusCode::SEE_OTHER, "it does not count");
    assert_eq!(use_it(7).await, StatusCode::SEE_OTHER);
    for copy in [7, 6, 0] {
        assert_eq!(use_it(copy).await, StatusCode::FORBIDDEN, "{copy}");
    }
    assert_eq!(use_it(8).await, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn keys_that_cannot_be_are_not_kept() {
    let world = world().await;
    let cookie = signed_in(&world, "johndoe").await;
    let (form, page) = begin(&world, &cookie, "a").await;
    let challenge = attribute(&page, "data-challenge");
    let new = Authenticator::new(1, &attribute(&page, "data-handle"));
    let good = new.made(&Said::new("webauthn.create", &challenge));
    for (name, value) in [
        ("public_key", encode([0; 91])),
        ("public_key", encode([4; 65])),
        ("public_key", String::new()),
        ("public_key", encode(vec![0x30; 4000])),
        ("algorithm", "-8".to_owned()),
        ("algorithm", "-37".to_owned()),
        ("algorithm", "x".to_owned()),
        ("authenticator_data", encode([0; 37])),
        ("client_data", encode("{}")),
    ] {
        let mut fields = good.clone();
        fields.iter_mut().find(|(field, _)| *field == name).unwrap().1 = value;
        assert_eq!(add(&world, &form, &fields, "a").await.status(), StatusCode::FORBIDDEN, "{name}");
    }
    assert_eq!(add(&world, &form, &good, "a").await.status(), StatusCode::OK);
    assert_eq!(add(&world, &form, &good, "a").await.status(), StatusCode::FORBIDDEN, "once");
}

#[tokio::test]
async fn passkeys_have_names_that_stay_text_and_are_removed() {
    let world = world().await;
    let cookie = signed_in(&world, "johndoe").await;
    let evil = "<script>alert(1)</script>\u{202E}";
    let john = register(&world, &cookie, 1, evil).await;
    let form = RawForm::get(&world, world.at("/account/passkeys"), "/account/passkeys", Some(&cookie)).await;
    let page = world.http.get(world.at("/account/passkeys")).header("cookie", &cookie).send().await.unwrap();
    let body = page.text().await.unwrap();
    assert!(!body.contains("<script>") && body.contains("alert(1)") && !body.contains('\u{202E}'), "{body}");
    let id = encode(&john.id);
    let remove =
        |password: &'static str| [("action", "remove"), ("current", password), ("passkey", id.as_str())];
    assert_eq!(form.post(&world, &remove("guess")).await.status(), StatusCode::FORBIDDEN);
    let begin = [("action", "begin"), ("name", "x"), ("current", "guess")];
    assert_eq!(form.post(&world, &begin).await.status(), StatusCode::FORBIDDEN);
    assert_eq!(form.post(&world, &remove("secret")).await.status(), StatusCode::OK);
    let (form, challenge) = login(&world).await;
    let answer = send(&world, &form, &john.answer(&Said::new("webauthn.get", &challenge))).await;
    assert_eq!(answer.status(), StatusCode::FORBIDDEN, "it is gone");
}

#[tokio::test]
async fn no_other_site_sends_a_form_for_passkeys() {
    let world = world().await;
    let cookie = signed_in(&world, "johndoe").await;
    let john = register(&world, &cookie, 1, "a").await;
    let (form, page) = begin(&world, &cookie, "b").await;
    let challenge = attribute(&page, "data-challenge");
    let new = Authenticator::new(2, &john.handle).made(&Said::new("webauthn.create", &challenge));
    let (login_form, login_challenge) = login(&world).await;
    let answer = john.answer(&Said::new("webauthn.get", &login_challenge));
    let other = login(&world).await.0.csrf;
    for csrf in ["", "x", &other] {
        let forged = |form: &RawForm| RawForm {
            action: form.action.clone(),
            cookie: form.cookie.clone(),
            csrf: csrf.to_owned(),
        };
        for action in ["begin", "remove"] {
            let fields = [("action", action), ("current", "secret"), ("passkey", &encode(&john.id))];
            assert_eq!(forged(&form).post(&world, &fields).await.status(), StatusCode::FORBIDDEN);
        }
        assert_eq!(add(&world, &forged(&form), &new, "b").await.status(), StatusCode::FORBIDDEN);
        assert_eq!(send(&world, &forged(&login_form), &answer).await.status(), StatusCode::FORBIDDEN);
    }
    assert_eq!(
        send(&world, &login_form, &answer).await.status(),
        StatusCode::SEE_OTHER,
        "nothing was used up"
    );
}

#[tokio::test]
async fn the_one_script_comes_from_here_and_only_where_it_is_needed() {
    let world = world().await;
    let cookie = signed_in(&world, "johndoe").await;
    let get = async |path: &str, cookie: &str| {
        let answer = world.http.get(world.at(path)).header("cookie", cookie).send().await.unwrap();
        let policy = answer.headers()["content-security-policy"].to_str().unwrap().to_owned();
        (policy, answer.text().await.unwrap())
    };
    let (policy, body) = get("/login", "").await;
    assert!(
        policy.contains("default-src 'none'; style-src 'self'; script-src 'self'; form-action 'self'"),
        "{policy}"
    );
    assert_eq!(body.matches("<script").count(), 1);
    let script = attribute(body.split("<script").nth(1).unwrap(), "src");
    assert!(script.starts_with("/assets/passkey-") && !body.contains("onclick"), "{script}");
    let answer = world.http.get(world.at(&script)).send().await.unwrap();
    let header = |name: &str| answer.headers()[name].to_str().unwrap().to_owned();
    assert_eq!((answer.status(), header("x-content-type-options")), (StatusCode::OK, "nosniff".to_owned()));
    assert!(
        header("content-type").starts_with("text/javascript")
            && header("cache-control").contains("immutable")
    );
    for path in ["/account/apps", "/account/security", "/account/passkeys", "/account/password"] {
        let (policy, body) = get(path, &cookie).await;
        assert!(!policy.contains("script-src") && !body.contains("<script"), "{path}: {policy}");
    }
}

#[tokio::test]
async fn there_are_none_at_an_address_and_none_where_they_are_turned_off() {
    let off = AuthConfig { passkeys: false, ..config() };
    for world in [World::new().await, World::known_with(ORIGIN, off).await] {
        let login = world.http.get(world.at("/login")).send().await.unwrap().text().await.unwrap();
        assert!(!login.contains("passkey") && !login.contains("<script"));
        let cookie = signed_in(&world, "johndoe").await;
        let page =
            world.http.get(world.at("/account/passkeys")).header("cookie", &cookie).send().await.unwrap();
        assert_eq!(page.status(), StatusCode::NOT_FOUND);
        let form = RawForm { action: world.at("/login/passkey"), cookie, csrf: "x".into() };
        assert_eq!(form.post(&world, &[]).await.status(), StatusCode::FORBIDDEN);
    }
}

#[tokio::test]
async fn a_user_has_so_many_and_no_more() {
    let world = world().await;
    let cookie = signed_in(&world, "johndoe").await;
    let max = u8::try_from(config().max_passkeys_per_user).unwrap();
    for id in 0..max {
        register(&world, &cookie, id, "a").await;
    }
    let (form, page) = begin(&world, &cookie, "one more").await;
    let challenge = attribute(&page, "data-challenge");
    let new = Authenticator::new(99, &attribute(&page, "data-handle"));
    let answer = add(&world, &form, &new.made(&Said::new("webauthn.create", &challenge)), "one more").await;
    assert_eq!(answer.status(), StatusCode::FORBIDDEN);
}

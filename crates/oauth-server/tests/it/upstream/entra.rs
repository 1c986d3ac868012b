//! A provider that is as Entra is: an issuer for each organisation and another for each version, groups that are left out,
//! and no `resource`.

use barewire_jose::verifies;
use barewire_oauth::jws::Algorithm;
use barewire_oauth::statement::Statement;
use barewire_oauth_server::{AuthConfig, AuthorizationServer, BuildError, UpstreamError};
use barewire_testkit::{Browser, TempDir};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::StatusCode;
use serde_json::{Value, json};

use super::idp::{Idp, Signer, page, tokens};
use crate::world::{World, config};

const TID: &str = "1a2b3c4d-0000-4000-8000-00000000000a";
const OTHER: &str = "1a2b3c4d-0000-4000-8000-00000000000b";

/// One whose issuer has this tenant in it.
async fn entra(tenant: &str) -> Idp {
    let idp = Idp::start_at(&format!("/{tenant}/v2.0")).await;
    idp.does().keys = vec![Signer::rsa("r1")];
    idp.does().claims =
        json!({ "sub": "pairwise-1", "tid": TID, "preferred_username": "ada@contoso.example" });
    idp
}

async fn world(idp: &Idp, changes: Value) -> World {
    let mut all = json!({ "profile": "entra" });
    all.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    idp.world(all).await
}

fn user(answer: &Value) -> String {
    super::login::claims(answer)["sub"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn both_versions_of_an_issuer_lead_to_one_account() {
    let idp = entra(TID).await;
    let world = world(&idp, json!({})).await;
    let (client, v2) = tokens(&world, &mut Browser::new(), "posts:read").await;
    let asked = idp.asked("authorize").remove(0);
    assert_eq!(asked["scope"], "openid profile email offline_access");
    assert!(!asked.contains_key("prompt") && !asked.contains_key("resource"), "{asked:?}");
    // An app that was never told otherwise gets tokens of the older version.
    idp.does().claims["iss"] = json!(format!("https://sts.windows.net/{TID}/"));
    let (_, v1) = tokens(&world, &mut Browser::new(), "posts:read").await;
    assert_eq!(user(&v1), user(&v2));
    world.advance(61);
    assert_eq!(world.refresh(&client, v2["refresh_token"].as_str().unwrap()).await.0, StatusCode::OK);
    assert_eq!(idp.refreshes(), 1);
    for (iss, tid) in [
        (format!("https://sts.windows.net/{OTHER}/"), OTHER),
        (format!("https://sts.windows.net/{OTHER}/"), TID),
        (format!("https://sts.windows.net/{TID}/"), OTHER),
    ] {
        idp.does().claims["iss"] = json!(iss);
        idp.does().claims["tid"] = json!(tid);
        let client = world.register().await;
        let refused = page(&world, &mut Browser::new(), &client, &[]).await;
        assert_eq!(refused.status, StatusCode::BAD_GATEWAY, "{iss} {tid}: {}", refused.text());
    }
}

#[tokio::test]
async fn an_issuer_may_be_written_with_a_domain() {
    let idp = entra("contoso.example").await;
    let origin = idp.origin.clone();
    let world = world(&idp, json!({ "issuer": format!("{origin}/contoso.example/v2.0") })).await;
    idp.does().issuer = format!("{origin}/{TID}/v2.0");
    tokens(&world, &mut Browser::new(), "posts:read").await;
}

#[tokio::test]
async fn of_many_organisations_only_the_named_ones_come_in() {
    let idp = entra("organizations").await;
    let origin = idp.origin.clone();
    let issuer = format!("{origin}/organizations/v2.0");
    let world = world(&idp, json!({ "issuer": issuer, "tenants": [TID] })).await;
    let client = world.register().await;
    let says = async |iss: String, tid: &str| {
        idp.does().document = json!({ "issuer": format!("{origin}/{{tenantid}}/v2.0") });
        idp.does().claims["iss"] = json!(iss);
        idp.does().claims["tid"] = json!(tid);
        page(&world, &mut Browser::new(), &client, &[]).await
    };
    assert!(says(format!("{origin}/{TID}/v2.0"), TID).await.text().contains("Allow"));
    let stranger = says(format!("{origin}/{OTHER}/v2.0"), OTHER).await;
    assert_eq!(stranger.status, StatusCode::BAD_GATEWAY);
    let template = says(format!("{origin}/{{tenantid}}/v2.0"), TID).await;
    assert_eq!(template.status, StatusCode::BAD_GATEWAY);
}

#[tokio::test]
async fn groups_that_are_left_out_are_explained_and_roles_are_not_affected() {
    let idp = entra(TID).await;
    let section = json!({ "groups": { "0760b6cf-170e-4a14-91b3-4b78e0739963": "posts:read", "Writer": "posts:write" } });
    let world = world(&idp, section.clone()).await;
    let client = world.register().await;
    let with = async |world: &World, client: &str, claims: Value| {
        let mut all = json!({ "sub": "pairwise-1", "tid": TID });
        all.as_object_mut().unwrap().extend(claims.as_object().unwrap().clone());
        idp.does().claims = all;
        page(world, &mut Browser::new(), client, &[("scope", "posts:read posts:write")]).await
    };
    let member = with(&world, &client, json!({ "groups": ["0760b6cf-170e-4a14-91b3-4b78e0739963"] })).await;
    assert!(member.text().contains("Read your posts") && !member.text().contains("Write posts as you"));
    let overage = json!({
        "_claim_names": { "groups": "src1" },
        "_claim_sources": { "src1": { "endpoint": "https://graph.windows.net/t/users/u/getMemberObjects" } },
    });
    for claims in [overage.clone(), json!({ "hasgroups": true })] {
        let refused = with(&world, &client, claims).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN);
        for part in ["too many for its token", "app roles"] {
            assert!(refused.text().contains(part), "{}", refused.text());
        }
    }
    assert_eq!(world.witness.count("login /login/upstream/{provider}/callback upstream_group_overage"), 2);
    // With app roles alone, it does not matter in how many groups somebody is.
    let mut by_roles = section;
    by_roles["group_claims"] = json!(["roles"]);
    let world = super::entra::world(&idp, by_roles).await;
    let client = world.register().await;
    let mut claims = overage;
    claims["roles"] = json!(["Writer"]);
    let writer = with(&world, &client, claims).await;
    assert!(writer.text().contains("Write posts as you") && !writer.text().contains("Read your posts"));
}

#[tokio::test]
async fn a_certificate_proves_this_server() {
    let idp = entra(TID).await;
    let dir = TempDir::new();
    let pair = aws_lc_rs::rsa::KeyPair::generate(aws_lc_rs::rsa::KeySize::Rsa2048).unwrap();
    let der: aws_lc_rs::encoding::Pkcs8V1Der<'_> = aws_lc_rs::encoding::AsDer::as_der(&pair).unwrap();
    let text = STANDARD.encode(der.as_ref());
    let lines: Vec<_> = text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    let key = dir.join("key.pem");
    std::fs::write(
        &key,
        format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", lines.join("\n")),
    )
    .unwrap();
    let section = json!({
        "client_secret": null, "private_key_file": key, "private_key_algorithm": "PS256",
        "certificate_thumbprint": "the-thumbprint",
    });
    let world = world(&idp, section).await;
    tokens(&world, &mut Browser::new(), "posts:read").await;
    let asked = idp.asked("token").remove(0);
    assert!(!asked.contains_key("client_secret"));
    let statement = Statement::read(&asked["client_assertion"]).unwrap();
    let public = aws_lc_rs::signature::KeyPair::public_key(&pair);
    let text = |bytes: &[u8]| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes);
    let jwk = json!({
        "kty": "RSA", "n": text(public.modulus().big_endian_without_leading_zero()),
        "e": text(public.exponent().big_endian_without_leading_zero()),
    });
    let jwk = serde_json::from_value(jwk).unwrap();
    assert!(verifies(&jwk, Algorithm::Ps256, statement.signed.as_bytes(), &statement.signature));
    let claims: Value = statement.claims().unwrap();
    assert_eq!(claims["aud"], format!("{}/token", idp.origin));
    let header = asked["client_assertion"].split('.').next().unwrap();
    let header = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(header).unwrap();
    assert!(String::from_utf8(header).unwrap().contains(r#""x5t#S256":"the-thumbprint""#));
    // What is no key is found at the start.
    std::fs::write(&key, "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n").unwrap();
    let section = idp.section(json!({ "profile": "entra", "client_secret": null, "private_key_file": key }));
    let config = AuthConfig { upstream: [("corporate".to_owned(), section)].into(), ..config() };
    let builder = AuthorizationServer::builder("http://localhost:1", world.store.clone());
    let builder =
        builder.resource("https://rs.example/mcp").scope("posts:read", "Read").scope("posts:write", "Write");
    let error = builder.config(config).build().await.map(|_| ()).unwrap_err();
    assert!(matches!(error, BuildError::Upstream { source: UpstreamError::Key { .. }, .. }), "{error}");
}

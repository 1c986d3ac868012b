//! `fixture-user`: the person whom the official suite waits for when it judges an authorization server, and whoever
//! registers its client there.
#![expect(clippy::print_stdout, reason = "the client's id is what it is asked for")]

use anyhow::{Context, Result};
use barewire_testkit::Browser;
use clap::{Parser, Subcommand};
use serde_json::{Value, json};
use url::Url;

#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Register a public client, and print its id
    Register {
        #[arg(long)]
        issuer: Url,
        #[arg(long)]
        redirect_uri: Url,
    },
    /// Log in at an authorization URL as the demo's user, consent, and go to the client's callback
    LogIn { url: Url },
}

#[tokio::main]
async fn main() -> Result<()> {
    let http = reqwest::Client::builder().no_proxy().build()?;
    match Arguments::parse().command {
        Command::Register { issuer, redirect_uri } => {
            let metadata = json!({
                "client_name": "conformance suite",
                "redirect_uris": [redirect_uri],
                "grant_types": ["authorization_code"],
                "response_types": ["code"],
                "token_endpoint_auth_method": "none",
                "application_type": "native",
            });
            let answer = http.post(issuer.join("/register")?).json(&metadata).send().await?;
            let answer: Value = answer.error_for_status()?.json().await?;
            println!("{}", answer["client_id"].as_str().context("the answer has no client_id")?);
        }
        Command::LogIn { url } => {
            let callback = Browser::new().login_and_consent(&url, "johndoe", "secret").await?;
            http.get(callback).send().await?.error_for_status()?;
        }
    }
    Ok(())
}

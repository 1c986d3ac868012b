//! `cargo xtask interop`: the official SDKs of other languages as clients of our server, OAuth clients that know nothing of MCP
//! at its authorization server, and our client and doctor against servers that are built with the SDKs.
//!
//! What was done is a page, `docs/interop.md`, with a section for each language. A whole run writes it; any other run has to
//! come to what the page says.

mod clients;
mod judged;
mod language;
mod login;
mod oauth;
mod servers;
mod table;

use std::process::Stdio;
use std::time::Instant;

use anyhow::{Context, Result, bail};

pub(crate) use self::language::Language;
use crate::run::{cargo, run, target_directory};
use crate::test::{self, Demo};

const PAGE: &str = "docs/interop.md";

/// The command: everything, or the languages that are named. One that is named has to be there; of all of them, what
/// this machine does not have is left out aloud.
pub(crate) fn interop(named: &[Language]) -> Result<()> {
    test::build()?;
    let languages = if named.is_empty() { &Language::ALL } else { named };
    let mut left_out = Vec::new();
    let mut sections = Vec::new();
    for language in languages {
        match language.missing() {
            Some(why) if named.is_empty() => left_out.push((*language, why)),
            Some(why) => bail!("{}: {why}", language.name()),
            None => sections.push((*language, meet(*language)?)),
        }
    }
    if sections.len() == Language::ALL.len() {
        let page = table::page(sections.iter().map(|(_, section)| section.as_str()));
        std::fs::write(PAGE, page).with_context(|| format!("cannot write {PAGE}"))?;
        eprintln!("  {PAGE} is written");
    } else {
        compare(&sections)?;
        eprintln!("  {PAGE} says the same; only a run with all languages writes it");
    }
    say_what_is_left_out(&left_out);
    Ok(())
}

/// What is part of `cargo xtask test`: the languages whose packages install within seconds. rmcp takes minutes to build.
const QUICK: [Language; 2] = [Language::Typescript, Language::Python];

/// The packages of these languages, where this machine has the language.
pub(crate) fn install_quickly() -> Result<()> {
    QUICK.iter().filter(|language| language.missing().is_none()).try_for_each(|language| language.install())
}

/// What meets rmcp is built from a lock file of its own, with our crates in it, and seldom: so that it is not behind them.
pub(crate) fn check_lock_file() -> Result<()> {
    let mut metadata = cargo(&["metadata", "--locked", "--format-version", "1"]);
    run(metadata.args(["--manifest-path", "conformance/interop/rust/Cargo.toml"]).stdout(Stdio::null()))
}

/// Meets the languages that install quickly.
pub(crate) fn quickly() -> Result<()> {
    let mut left_out = Vec::new();
    let mut sections = Vec::new();
    for language in QUICK {
        match language.missing() {
            Some(why) => left_out.push((language, why)),
            None => sections.push((language, meet(language)?)),
        }
    }
    compare(&sections)?;
    left_out.push((Language::Rust, "it takes minutes to build; `cargo xtask interop` does it".to_owned()));
    say_what_is_left_out(&left_out);
    Ok(())
}

fn say_what_is_left_out(left_out: &[(Language, String)]) {
    for (language, why) in left_out {
        eprintln!("SKIPPED the SDK for {}: {why}", language.name());
    }
}

/// One language in both directions; its section of the page.
fn meet(language: Language) -> Result<String> {
    let started = Instant::now();
    language.install()?;
    let folder = target_directory().join("interop");
    std::fs::create_dir_all(&folder)?;
    let demo = Demo::start()?;
    let clients = clients::run(language, &demo.server_url, &folder)?;
    demo.server.stop()?;
    let oauth_clients = oauth::run(language, &folder)?;
    let (servers, findings) = servers::run(language, &folder)?;
    eprintln!("  {} took {:.0} s", language.name(), started.elapsed().as_secs_f32());
    table::section(language, &clients, &oauth_clients, &servers, &findings)
}

/// A run that does not write the page has to come to what it says.
fn compare(sections: &[(Language, String)]) -> Result<()> {
    let page = std::fs::read_to_string(PAGE).with_context(|| format!("cannot read {PAGE}"))?;
    for (language, section) in sections {
        if !page.contains(section) {
            let name = language.name();
            bail!(
                "{PAGE} says something else about {name}. This run gave:\n\n{section}\nWhere that is right, `cargo xtask interop` writes it."
            );
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A newer version in a lock file asks for a run.
    #[test]
    fn the_page_names_the_versions_that_are_locked() {
        run_in_the_workspace();
        let page = std::fs::read_to_string(PAGE).unwrap();
        for language in Language::ALL {
            let versions = language.versions().unwrap();
            assert!(
                page.contains(&versions),
                "{PAGE} was not written with {versions}: run `cargo xtask interop`"
            );
        }
    }

    fn run_in_the_workspace() {
        crate::run::change_to_workspace_root().unwrap();
    }
}

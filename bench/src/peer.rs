//! Other people's servers and clients, each as its `peers/NAME/peer.toml` describes it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use serde::Deserialize;

use crate::launch::Launch;

/// A folder of `bench/peers`. The file itself says what each key means.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Peer {
    /// As it stands in tables.
    pub name: String,
    /// Whose version the report prints.
    pub package: String,
    /// The file that pins it.
    pub lock: String,
    /// Commands, run in its folder.
    #[serde(default)]
    pub build: Vec<Vec<String>>,
    server: Vec<String>,
    #[serde(default)]
    auth: Vec<String>,
    #[serde(default)]
    stream: Vec<String>,
    client: Option<Vec<String>>,
    #[serde(default)]
    env: BTreeMap<String, String>,
    can: BTreeMap<String, toml::Value>,
    /// Where its file is.
    #[serde(skip)]
    pub folder: PathBuf,
}

impl Peer {
    /// All that are described in that folder, by name.
    ///
    /// # Errors
    /// When a description cannot be read.
    pub fn all(folder: &Path) -> Result<Vec<Self>> {
        let mut peers = Vec::new();
        for entry in fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))? {
            let folder = entry?.path();
            let file = folder.join("peer.toml");
            if file.is_file() {
                let text = fs::read_to_string(&file)?;
                let peer: Self = toml::from_str(&text).with_context(|| format!("{}", file.display()))?;
                peers.push(Self { folder: std::path::absolute(folder)?, ..peer });
            }
        }
        peers.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(peers)
    }

    /// Its description has something on that.
    pub fn says(&self, what: &str) -> bool {
        self.can.contains_key(what)
    }

    /// It can be measured on that, or why not.
    ///
    /// # Errors
    /// The reason, in the words of its description.
    pub fn can(&self, what: &str) -> Result<(), String> {
        match self.can.get(what) {
            Some(toml::Value::Boolean(true)) => Ok(()),
            Some(toml::Value::String(reason)) => Err(reason.clone()),
            _ => Err(format!("its description does not say that it can ({what})")),
        }
    }

    /// It has to be started in another way where its answers are event streams.
    pub fn streams_apart(&self) -> bool {
        !self.stream.is_empty()
    }

    /// Its server.
    ///
    /// # Errors
    /// When it has no command.
    pub fn server(&self, auth: bool, stream: bool) -> Result<Launch> {
        let (auth_words, stream_words) = (auth.then_some(&self.auth), stream.then_some(&self.stream));
        let more = auth_words.into_iter().chain(stream_words).flatten();
        let words: Vec<String> = self.server.iter().chain(more).cloned().collect();
        Ok(Launch { prints_token: auth, ..self.launch(&words)? })
    }

    /// Its client, where it has one, for so many calls. `era` is `modern` or `legacy`.
    pub fn client(&self, url: &str, calls: u64, concurrency: usize, era: &str) -> Option<Result<Launch>> {
        let filled = |word: &String| {
            word.replace("{url}", url)
                .replace("{calls}", &calls.to_string())
                .replace("{concurrency}", &concurrency.to_string())
                .replace("{era}", era)
        };
        let words: Vec<String> = self.client.as_ref()?.iter().map(filled).collect();
        Some(self.launch(&words))
    }

    /// The version of its package, as its lock file has it.
    pub fn version(&self) -> Option<String> {
        let text = fs::read_to_string(self.folder.join(&self.lock)).ok()?;
        version_in(&text, &self.lock, &self.package)
    }

    fn launch(&self, words: &[String]) -> Result<Launch> {
        let (program, arguments) =
            words.split_first().with_context(|| format!("{} has an empty command", self.name))?;
        // A path is one of its folder; a bare name is looked for as a shell would.
        let program = if program.contains('/') { self.folder.join(program) } else { PathBuf::from(program) };
        Ok(Launch {
            program,
            arguments: arguments.to_vec(),
            folder: Some(self.folder.clone()),
            environment: self.env.clone().into_iter().collect(),
            prints_token: false,
        })
    }
}

fn version_in(text: &str, lock: &str, package: &str) -> Option<String> {
    match lock {
        "Cargo.lock" => {
            let lock: toml::Value = toml::from_str(text).ok()?;
            let packages = lock.get("package")?.as_array()?;
            let found = packages
                .iter()
                .find(|found| found.get("name").and_then(toml::Value::as_str) == Some(package))?;
            Some(found.get("version")?.as_str()?.to_owned())
        }
        "package-lock.json" => {
            let lock: serde_json::Value = serde_json::from_str(text).ok()?;
            Some(lock["packages"][format!("node_modules/{package}")]["version"].as_str()?.to_owned())
        }
        // requirements.txt: `mcp==1.2.3 \` with hashes on the lines after it.
        _ => text.lines().find_map(|line| {
            let version = line.strip_prefix(package)?.strip_prefix("==")?;
            Some(version.split([' ', ';', '\\']).next()?.to_owned())
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_in_each_lock_file() {
        let files = [
            (
                "Cargo.lock",
                "[[package]]\nname = \"other\"\nversion = \"9.0.0\"\n[[package]]\nname = \"sdk\"\nversion = \"1.2.3\"\n",
            ),
            ("package-lock.json", r#"{ "packages": { "node_modules/sdk": { "version": "1.2.3" } } }"#),
            ("requirements.txt", "sdk-other==9.0.0\nsdk==1.2.3 \\\n    --hash=sha256:00\n"),
        ];
        for (lock, text) in files {
            assert_eq!(version_in(text, lock, "sdk").as_deref(), Some("1.2.3"), "{lock}");
            assert_eq!(version_in(text, lock, "absent"), None, "{lock}");
        }
    }

    /// What is in the repository is what this reads.
    #[test]
    fn the_peers_here() {
        for folder in ["peers", "oauth-peers"] {
            let peers = Peer::all(&Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)).unwrap();
            assert!(!peers.is_empty(), "{folder}");
            for peer in peers {
                assert!(peer.version().is_some(), "{}: no version in {}", peer.name, peer.lock);
                assert!(peer.server(false, false).is_ok());
            }
        }
    }
}

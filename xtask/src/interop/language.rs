//! A language whose official SDK is met: what it needs, where its programs are, which versions are locked.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};
use clap::ValueEnum;

use crate::run::{cargo, run, target_directory};
use crate::{node, python};

const TYPESCRIPT: &str = "conformance/interop/typescript";
const PYTHON: &str = "conformance/interop/python";
const RUST: &str = "conformance/interop/rust";

/// In the order of the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Language {
    /// SDK 1.x and 2.x, and the everything server; needs Node
    Typescript,
    /// SDK 2.x; needs Python with venv
    Python,
    /// rmcp; takes minutes to build
    Rust,
}

impl Language {
    pub(crate) const ALL: [Language; 3] = [Language::Typescript, Language::Python, Language::Rust];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Language::Typescript => "TypeScript",
            Language::Python => "Python",
            Language::Rust => "Rust",
        }
    }

    /// What this machine lacks, if anything.
    pub(crate) fn missing(self) -> Option<String> {
        let required = match self {
            Language::Typescript => node::require(),
            Language::Python => python::require(),
            Language::Rust => Ok(()),
        };
        required.err().map(|error| format!("{error:#}"))
    }

    /// Installs and builds what its lock file says.
    pub(super) fn install(self) -> Result<()> {
        match self {
            Language::Typescript => node::install(TYPESCRIPT),
            Language::Python => python::install(PYTHON),
            Language::Rust => {
                let manifest = format!("{RUST}/Cargo.toml");
                let mut build = cargo(&["build", "--locked", "--manifest-path", &manifest]);
                run(build.arg("--target-dir").arg(target_directory().join("interop")))
            }
        }
    }

    /// Its clients, which take our server's URL as their last argument or from the environment.
    pub(super) fn clients(self, server: &str) -> Result<Command> {
        let mut command = match self {
            Language::Typescript => {
                let mut npm = node::npm(TYPESCRIPT);
                npm.args(["test", "--silent"]);
                npm
            }
            Language::Python => {
                let mut python = python::python(PYTHON)?;
                python.args(["client.py", server]);
                python
            }
            Language::Rust => {
                let mut client = Command::new(target_directory().join("interop/debug/client"));
                client.arg(server);
                client
            }
        };
        command.env("BAREWIRE_SERVER_URL", server);
        Ok(command)
    }

    /// Its OAuth clients, which take our server's URL from the environment; `None` where there are none.
    pub(super) fn oauth_clients(self) -> Result<Option<Command>> {
        Ok(match self {
            Language::Typescript => {
                let mut npm = node::npm(TYPESCRIPT);
                npm.args(["run", "--silent", "oauth"]);
                Some(npm)
            }
            Language::Python => {
                let mut python = python::python(PYTHON)?;
                python.arg("oauth_client.py");
                Some(python)
            }
            Language::Rust => None,
        })
    }

    /// A server of it: a program in its folder, or one that was built, with these arguments.
    pub(super) fn server(self, program: &str, arguments: &[&str]) -> Result<Command> {
        let mut command = match self {
            Language::Typescript => {
                let mut node = Command::new("node");
                node.current_dir(TYPESCRIPT).arg(program);
                node
            }
            Language::Python => {
                let mut python = python::python(PYTHON)?;
                python.arg(program);
                python
            }
            Language::Rust => Command::new(target_directory().join("interop/debug").join(program)),
        };
        command.args(arguments);
        Ok(command)
    }

    /// The versions of its packages, as a sentence of the page has them.
    pub(super) fn versions(self) -> Result<String> {
        let packages: &[&str] = match self {
            Language::Typescript => &[
                "@modelcontextprotocol/client",
                "@modelcontextprotocol/server",
                "@modelcontextprotocol/sdk",
                "@modelcontextprotocol/server-everything",
                "oauth4webapi",
                "openid-client",
            ],
            Language::Python => &["mcp", "authlib"],
            Language::Rust => &["rmcp"],
        };
        let named = packages.iter().map(|package| {
            let version =
                self.locked(package).with_context(|| format!("no version of {package} is locked"))?;
            Ok(format!("`{package}` {version}"))
        });
        Ok(named.collect::<Result<Vec<_>>>()?.join(", "))
    }

    /// The version of a package in its lock file.
    fn locked(self, package: &str) -> Option<String> {
        let read = |folder: &str, file: &str| std::fs::read_to_string(Path::new(folder).join(file)).ok();
        match self {
            Language::Typescript => {
                let lock: serde_json::Value =
                    serde_json::from_str(&read(TYPESCRIPT, "package-lock.json")?).ok()?;
                Some(lock["packages"][format!("node_modules/{package}")]["version"].as_str()?.to_owned())
            }
            // `mcp==1.2.3 \` with hashes on the lines after it.
            Language::Python => read(PYTHON, "requirements.txt")?.lines().find_map(|line| {
                let version = line.strip_prefix(package)?.strip_prefix("==")?;
                Some(version.split_whitespace().next()?.to_owned())
            }),
            Language::Rust => {
                let lock: toml::Value = toml::from_str(&read(RUST, "Cargo.lock")?).ok()?;
                let mut packages = lock.get("package")?.as_array()?.iter();
                let found =
                    packages.find(|it| it.get("name").and_then(toml::Value::as_str) == Some(package))?;
                Some(found.get("version")?.as_str()?.to_owned())
            }
        }
    }
}

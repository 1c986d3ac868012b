//! Tokens without anybody at a browser: what the application has instead, and where it keeps that.

use std::io;
use std::path::PathBuf;

use barewire_oauth::client_flow::{GrantKind, IdentityProvider, SubjectTokenType, Way};
use barewire_oauth::secret::Assertion;
use tokio::fs::File;
use tokio::io::AsyncReadExt as _;
use zeroize::Zeroizing;

use crate::login::{LoginError, PreRegistered};

/// How to get tokens when nobody is there to log in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unattended {
    /// The client is there for itself: [`LoginOptions::client`](crate::LoginOptions::client), with its secret or key
    /// ([OAuth Client Credentials](https://modelcontextprotocol.io/extensions/auth/oauth-client-credentials)).
    ClientCredentials {
        /// What authenticates the client in place of a secret or key: a workload's token.
        assertion: Option<AssertionSource>,
    },
    /// The platform that the client runs on says who it is: a workload's token is the grant
    /// ([RFC 7523 §2.1](https://www.rfc-editor.org/rfc/rfc7523#section-2.1)).
    WorkloadIdentity {
        /// The workload's token.
        assertion: AssertionSource,
        /// The issuer that may have it. Without one, the token has to be a JWT for the issuer that the server names.
        issuer: Option<String>,
    },
    /// The user's organisation decides
    /// ([Enterprise-Managed Authorization](https://modelcontextprotocol.io/extensions/auth/enterprise-managed-authorization)).
    Enterprise(Box<Enterprise>),
}

/// The identity provider of an organisation, and what the client has from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enterprise {
    /// Its issuer identifier.
    pub issuer: String,
    /// Where it exchanges tokens; without it, its metadata says so.
    pub token_endpoint: Option<String>,
    /// Who the client is there; who it is at the server's own issuer is
    /// [`LoginOptions::client`](crate::LoginOptions::client).
    pub client: PreRegistered,
    /// What says who the user is.
    pub subject_token: AssertionSource,
    /// What kind of token that is.
    pub subject_token_type: SubjectTokenType,
}

/// Where a statement comes from. They end soon, so it is looked for each time that one is needed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AssertionSource {
    /// It is here.
    Text(Assertion),
    /// In this file, which somebody keeps fresh: a platform, an agent.
    File(PathBuf),
}

/// A longer file holds something else.
const MAX_ASSERTION_BYTES: u64 = 64 * 1024;

impl Unattended {
    /// What the tokens are given for.
    pub(crate) fn kind(&self) -> GrantKind {
        match self {
            Self::ClientCredentials { .. } => GrantKind::ClientCredentials,
            Self::WorkloadIdentity { .. } | Self::Enterprise(_) => GrantKind::JwtBearer,
        }
    }

    /// The extension that is declared to servers, where it has a name.
    pub(crate) fn extension(&self) -> Option<&'static str> {
        match self {
            Self::ClientCredentials { .. } => Some("io.modelcontextprotocol/oauth-client-credentials"),
            Self::Enterprise(_) => Some("io.modelcontextprotocol/enterprise-managed-authorization"),
            Self::WorkloadIdentity { .. } => None,
        }
    }

    /// What the login starts from, and what authenticates the client beside its own secret or key.
    pub(crate) async fn way(&self) -> Result<(Way, Option<Assertion>), LoginError> {
        Ok(match self {
            Self::ClientCredentials { assertion: None } => (Way::ClientCredentials, None),
            Self::ClientCredentials { assertion: Some(source) } => {
                (Way::ClientCredentials, Some(source.read().await?))
            }
            Self::WorkloadIdentity { assertion, issuer } => {
                (Way::JwtBearer { assertion: assertion.read().await?, issuer: issuer.clone() }, None)
            }
            Self::Enterprise(enterprise) => {
                let provider = IdentityProvider {
                    issuer: enterprise.issuer.clone(),
                    token_endpoint: enterprise.token_endpoint.clone(),
                    client: enterprise.client.checked()?,
                    subject_token: enterprise.subject_token.read().await?,
                    subject_token_type: enterprise.subject_token_type,
                };
                (Way::Enterprise(Box::new(provider)), None)
            }
        })
    }
}

impl AssertionSource {
    async fn read(&self) -> Result<Assertion, LoginError> {
        let path = match self {
            Self::Text(assertion) => return Ok(assertion.clone()),
            Self::File(path) => path,
        };
        let failed = |detail: String| LoginError::Assertion { path: path.clone(), detail };
        let broken = |error: io::Error| failed(error.to_string());
        let file = File::open(path).await.map_err(broken)?;
        // What is no file (a device, a pipe) has no length, and may have no end.
        let mut text = Zeroizing::new(String::new());
        file.take(MAX_ASSERTION_BYTES + 1).read_to_string(&mut text).await.map_err(broken)?;
        if text.len() as u64 > MAX_ASSERTION_BYTES {
            return Err(failed(format!("it is longer than {MAX_ASSERTION_BYTES} bytes")));
        }
        let text = text.trim();
        if text.is_empty() || !text.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(failed("there is no token in it".to_owned()));
        }
        Ok(Assertion::new(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_file_is_read_each_time_and_holds_one_token() {
        let folder = std::env::temp_dir().join(format!("barewire-assertion-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join("token");
        let source = AssertionSource::File(path.clone());
        for (content, expected) in [
            ("first.token.x\n", Ok("first.token.x")),
            ("second.token.x", Ok("second.token.x")),
            ("", Err("there is no token in it")),
            ("two tokens", Err("there is no token in it")),
        ] {
            std::fs::write(&path, content).unwrap();
            match (source.read().await, expected) {
                (Ok(read), Ok(expected)) => assert_eq!(read.expose(), expected),
                (Err(error), Err(expected)) => assert!(error.to_string().ends_with(expected), "{error}"),
                (read, _) => panic!("{content}: {read:?}"),
            }
        }
        std::fs::write(&path, "x".repeat(70_000)).unwrap();
        assert!(source.read().await.unwrap_err().to_string().contains("longer than 65536 bytes"));
        std::fs::remove_dir_all(&folder).unwrap();
        assert!(source.read().await.is_err());
        #[cfg(unix)]
        assert!(AssertionSource::File("/dev/zero".into()).read().await.is_err(), "it has no end");
    }
}

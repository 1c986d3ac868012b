//! Who the client is and how it comes to a token, from the command line. Secrets come from files and the environment:
//! a command line can be read by others.

use std::path::Path;

use barewire_mcp_client::{AssertionSource, ClientOptions, Enterprise, PreRegistered, Unattended};
use barewire_oauth::client_flow::{DpopUse, SubjectTokenType};
use barewire_oauth::jws::Algorithm;

use crate::arguments::{Access, Bound, SubjectToken};
use crate::outcome::Failure;

/// The usual places of secrets.
const CLIENT_SECRET: &str = "BAREWIRE_CLIENT_SECRET";
const IDP_CLIENT_SECRET: &str = "BAREWIRE_IDP_CLIENT_SECRET";

impl Access {
    /// Puts what was asked for into the options.
    pub(crate) fn apply(&self, options: &mut ClientOptions) -> Result<(), Failure> {
        options.login.client = self.client()?;
        options.unattended = self.unattended()?;
        options.login.dpop = match self.dpop {
            None | Some(Bound::WhenOffered) => DpopUse::WhenOffered,
            Some(Bound::Never) => DpopUse::Never,
            Some(Bound::Always) => DpopUse::Always,
        };
        options.newest = self.revision.unwrap_or(options.newest);
        Ok(())
    }

    fn client(&self) -> Result<Option<PreRegistered>, Failure> {
        let Some(client_id) = &self.client_id else { return Ok(None) };
        let client_secret = match &self.client_secret_env {
            Some(name) => Some(std::env::var(name).map_err(|_| {
                Failure::usage(format_args!(
                    "there is no environment variable {name} for --client-secret-env"
                ))
            })?),
            None => std::env::var(CLIENT_SECRET).ok(),
        };
        let algorithm = self.signing_algorithm.as_deref().map(|word| {
            let known = Algorithm::from_word(word);
            known.ok_or_else(|| {
                Failure::usage(format_args!(
                    "--signing-algorithm takes ES256, ES384, RS256, PS256 or EdDSA, not {word}"
                ))
            })
        });
        Ok(Some(PreRegistered {
            issuer: self.issuer.clone(),
            client_secret: client_secret.map(Into::into),
            private_key: self.private_key.as_deref().map(read_key).transpose()?.map(Into::into),
            key_id: self.key_id.clone(),
            algorithm: algorithm.transpose()?,
            ..PreRegistered::new(client_id)
        }))
    }

    fn unattended(&self) -> Result<Option<Unattended>, Failure> {
        let file = |path: &Path| AssertionSource::File(path.to_owned());
        let workload = self.workload_token.as_deref().map(file);
        if self.client_credentials {
            return Ok(Some(Unattended::ClientCredentials { assertion: workload }));
        }
        if let Some(assertion) = workload {
            return Ok(Some(Unattended::WorkloadIdentity { assertion, issuer: self.issuer.clone() }));
        }
        let (Some(issuer), Some(subject), Some(idp_client)) =
            (&self.identity_provider, &self.subject_token, &self.idp_client_id)
        else {
            return Ok(None);
        };
        Ok(Some(Unattended::Enterprise(Box::new(Enterprise {
            issuer: issuer.clone(),
            token_endpoint: self.idp_token_endpoint.clone(),
            client: PreRegistered {
                client_secret: std::env::var(IDP_CLIENT_SECRET).ok().map(Into::into),
                private_key: self.idp_private_key.as_deref().map(read_key).transpose()?.map(Into::into),
                ..PreRegistered::new(idp_client)
            },
            subject_token: file(subject),
            subject_token_type: match self.subject_token_type {
                SubjectToken::IdToken => SubjectTokenType::IdToken,
                SubjectToken::RefreshToken => SubjectTokenType::RefreshToken,
                SubjectToken::Saml2 => SubjectTokenType::Saml2,
            },
        }))))
    }
}

fn read_key(path: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(path)
        .map_err(|error| Failure::usage(format_args!("the key {} cannot be read: {error}", path.display())))
}

//! A browser that comes back from the provider
//! ([OpenID Connect Core §3.1.2.5](https://openid.net/specs/openid-connect-core-1_0.html#AuthResponse),
//! [RFC 9207 §2.4](https://www.rfc-editor.org/rfc/rfc9207#section-2.4)).

use std::time::SystemTime;

use subtle::ConstantTimeEq as _;

use super::discovery::Provider;
use crate::error::{ErrorCode, ErrorResponse};
use crate::parameters::{Parameters, Repeated};
use crate::secret::AuthorizationCode;
use crate::stranger::{printable, visible};

/// A login that is on its way through a provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pending {
    /// Which provider, by its name in the settings.
    pub provider: String,
    /// Digest of the secret that the browser has in its cookie.
    pub browser: [u8; 32],
    /// When it began.
    pub started_at: SystemTime,
    /// When it is over.
    pub expires_at: SystemTime,
    /// When the browser came back.
    pub used_at: Option<SystemTime>,
}

/// Why an answer of a provider is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallbackError {
    /// No `state`, or one that nobody here has given out.
    #[error("no login with this state was begun here, or it was forgotten since")]
    Unknown,
    /// It was begun in another browser: somebody may want this one to be logged in as himself (login CSRF), or to get
    /// hold of somebody else's code.
    #[error("the login was begun in another browser, or before this one was signed in or out")]
    OtherBrowser,
    /// It was sent somewhere else (mix-up, [RFC 9700 §4.4](https://www.rfc-editor.org/rfc/rfc9700#section-4.4)).
    #[error("the login was begun with another provider")]
    OtherProvider,
    /// It took too long.
    #[error("the login took too long")]
    Expired,
    /// The same answer again.
    #[error("the login was answered before")]
    Used,
    /// A parameter is there twice.
    #[error(transparent)]
    Repeated(#[from] Repeated),
    /// It says that it is somebody else's.
    #[error("the answer is of the issuer {found}, and {expected} was asked")]
    OtherIssuer {
        /// Who was asked.
        expected: String,
        /// Who answers.
        found: String,
    },
    /// It does not say whose it is, and the provider says that its answers do.
    #[error("the answer does not say whose it is, and those of {0} do")]
    NoIssuer(String),
    /// The provider says no.
    #[error("the provider refused: {0}")]
    Refused(ErrorResponse),
    /// Neither a code nor an error.
    #[error("the answer has neither a code nor an error")]
    NoCode,
}

impl CallbackError {
    /// A word for whoever keeps account.
    #[must_use]
    pub fn rule(&self) -> &'static str {
        match self {
            Self::Unknown => "upstream_unknown_state",
            Self::OtherBrowser => "upstream_other_browser",
            Self::OtherProvider => "upstream_other_provider",
            Self::Expired => "upstream_expired",
            Self::Used => "upstream_replay",
            Self::Repeated(_) | Self::NoCode => "upstream_malformed",
            Self::OtherIssuer { .. } | Self::NoIssuer(_) => "upstream_issuer",
            Self::Refused(error) if error.error == ErrorCode::AccessDenied => "upstream_denied",
            Self::Refused(_) => "upstream_refused",
        }
    }
}

impl Pending {
    /// Whether an answer at this provider's address, in this browser, is one to this login.
    ///
    /// # Errors
    /// [`CallbackError`].
    pub fn check(&self, provider: &str, browser: &[u8; 32], now: SystemTime) -> Result<(), CallbackError> {
        if !bool::from(self.browser.ct_eq(browser)) {
            return Err(CallbackError::OtherBrowser);
        }
        if self.provider != provider {
            return Err(CallbackError::OtherProvider);
        }
        if self.used_at.is_some() {
            return Err(CallbackError::Used);
        }
        if self.expires_at <= now {
            return Err(CallbackError::Expired);
        }
        Ok(())
    }
}

/// The code of an answer whose login was found: whose it is comes first, then whether it is a no.
///
/// # Errors
/// [`CallbackError`].
pub fn code(parameters: &Parameters, provider: &Provider) -> Result<AuthorizationCode, CallbackError> {
    let expected = || provider.issuer.shown();
    match parameters.one("iss")? {
        Some(found) if provider.issuer.canonical(found).is_none() => {
            return Err(CallbackError::OtherIssuer { expected: expected(), found: visible(found, 200) });
        }
        None if provider.sends_iss => return Err(CallbackError::NoIssuer(expected())),
        Some(_) | None => {}
    }
    let (code, error) = (parameters.one("code")?, parameters.one("error")?);
    if let Some(error) = error {
        let description = parameters.one("error_description")?.map(printable);
        let error = ErrorCode::from_word(&printable(error));
        return Err(CallbackError::Refused(ErrorResponse {
            error,
            error_description: description,
            error_uri: None,
        }));
    }
    code.map(AuthorizationCode::new).ok_or(CallbackError::NoCode)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;
    use crate::upstream::Profile;
    use crate::upstream::discovery::tests::{TID, provider};
    use crate::upstream::tests::party;

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    #[test]
    fn a_login_is_answered_once_in_its_browser_and_by_its_provider() {
        let pending = Pending {
            provider: "corporate".to_owned(),
            browser: [1; 32],
            started_at: at(0),
            expires_at: at(600),
            used_at: None,
        };
        let check = |pending: &Pending, provider: &str, browser: u8, now, expected| {
            assert_eq!(
                pending.check(provider, &[browser; 32], at(now)),
                expected,
                "{provider} {browser} {now}"
            );
        };
        check(&pending, "corporate", 1, 599, Ok(()));
        check(&pending, "corporate", 2, 1, Err(CallbackError::OtherBrowser));
        check(&pending, "partner", 1, 1, Err(CallbackError::OtherProvider));
        check(&pending, "corporate", 1, 600, Err(CallbackError::Expired));
        let used = Pending { used_at: Some(at(5)), ..pending };
        check(&used, "corporate", 1, 6, Err(CallbackError::Used));
    }

    #[test]
    fn whose_answer_it_is_comes_before_what_it_says() {
        let issuer = "https://idp.example";
        let mut idp = provider(&party(Profile::Generic, issuer), issuer);
        let read = |idp: &Provider, query: &str| {
            code(&Parameters::parse(query.as_bytes()), idp).map(|code| code.expose().to_owned())
        };
        let other = |found: &str| {
            Err(CallbackError::OtherIssuer { expected: issuer.to_owned(), found: found.to_owned() })
        };
        assert_eq!(read(&idp, "code=c&iss=https://idp.example"), Ok("c".to_owned()));
        assert_eq!(read(&idp, "code=c&iss=https://evil.example"), other("https://evil.example"));
        assert_eq!(read(&idp, "error=access_denied&iss=https://evil.example"), other("https://evil.example"));
        assert_eq!(read(&idp, "code=c"), Err(CallbackError::NoIssuer(issuer.to_owned())));
        idp.sends_iss = false;
        assert_eq!(read(&idp, "code=c"), Ok("c".to_owned()));
        assert_eq!(read(&idp, "code=c&iss=https://evil.example"), other("https://evil.example"));
        assert_eq!(read(&idp, ""), Err(CallbackError::NoCode));
        for query in ["code=a&code=b", "code=a&iss=x&iss=y", "error=a&error=b"] {
            assert!(matches!(read(&idp, query), Err(CallbackError::Repeated(_))), "{query}");
        }
        // A no beside a code is a no, and what it says is text.
        let refused = read(&idp, "code=c&error=access_denied&error_description=no%0A%22x%22");
        let Err(CallbackError::Refused(error)) = refused else { panic!("{refused:?}") };
        assert_eq!(error.to_string(), "access_denied: no?'x'");
    }

    #[test]
    fn each_name_of_one_organisation_is_its_own() {
        let own = format!("https://login.microsoftonline.com/{TID}/v2.0");
        let idp = provider(&party(Profile::Entra, &own), &own);
        let code = |iss: &str| code(&Parameters::parse(format!("code=c&iss={iss}").as_bytes()), &idp);
        assert!(code(&own).is_ok());
        assert!(code(&format!("https://sts.windows.net/{TID}/")).is_ok());
        assert!(code("https://login.microsoftonline.com/common/v2.0").is_err());
    }
}

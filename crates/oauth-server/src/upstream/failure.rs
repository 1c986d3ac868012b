//! Why nobody came in through an identity provider: for the person, for the log, and for whoever keeps account.

use barewire_oauth::error::ErrorCode;
use barewire_oauth::jws::SignError;
use barewire_oauth::stranger::visible;
use barewire_oauth::upstream::access::AccessError;
use barewire_oauth::upstream::callback::CallbackError;
use barewire_oauth::upstream::discovery::DiscoveryError;
use barewire_oauth::upstream::id_token::IdTokenError;
use barewire_oauth::upstream::token::NotGiven;
use http::StatusCode;

use super::http::HttpError;
use crate::pages::{Back, ErrorPage, capitalised, chain};
use crate::store::StoreError;

/// Why nobody came in.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error(transparent)]
    Callback(#[from] CallbackError),
    #[error(transparent)]
    NotGiven(#[from] NotGiven),
    #[error(transparent)]
    IdToken(#[from] IdTokenError),
    #[error(transparent)]
    Access(#[from] AccessError),
    #[error(transparent)]
    Discovery(#[from] DiscoveryError),
    #[error(transparent)]
    Http(#[from] HttpError),
    #[error("the provider's discovery document or userinfo was answered with status {0}")]
    Status(u16),
    #[error("the provider did not answer a moment ago")]
    Lately,
    #[error("the provider's keys cannot be had right now")]
    Keys,
    #[error("this server cannot sign for the provider")]
    Signing(#[from] SignError),
    #[error("this account is not known here, and new ones are not let in")]
    NoUser,
    #[error("too many people are logging in right now")]
    Crowded,
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What follows from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// The login as such is of no use any more.
    StartAgain,
    /// The provider, or the person there, said no.
    Refused,
    /// The person may not.
    NotAllowed,
    /// Whoever runs this server, or the provider, has to mend something.
    SetUp,
    /// It cannot be asked now.
    Unavailable,
}

impl Failure {
    fn kind(&self) -> Kind {
        match self {
            Self::Callback(error) => match error {
                CallbackError::Refused(error) => match error.error {
                    ErrorCode::TemporarilyUnavailable | ErrorCode::ServerError => Kind::Unavailable,
                    ErrorCode::InvalidRequest
                    | ErrorCode::InvalidScope
                    | ErrorCode::UnauthorizedClient
                    | ErrorCode::InvalidTarget => Kind::SetUp,
                    _ => Kind::Refused,
                },
                _ => Kind::StartAgain,
            },
            Self::NotGiven(NotGiven::Refused(_)) => Kind::StartAgain,
            Self::NotGiven(NotGiven::Misconfigured(_))
            | Self::IdToken(_)
            | Self::Discovery(_)
            | Self::Signing(_) => Kind::SetUp,
            Self::NotGiven(NotGiven::Unavailable(_) | NotGiven::Malformed)
            | Self::Http(_)
            | Self::Status(_)
            | Self::Lately
            | Self::Keys
            | Self::Crowded
            | Self::Store(_) => Kind::Unavailable,
            Self::Access(_) | Self::NoUser => Kind::NotAllowed,
        }
    }

    /// A word for whoever keeps account.
    pub(crate) fn rule(&self) -> &'static str {
        match self {
            Self::Callback(error) => error.rule(),
            Self::NotGiven(error) => error.rule(),
            Self::IdToken(error) => error.rule(),
            Self::Access(error) => error.rule(),
            Self::Discovery(_) => "upstream_discovery",
            Self::Http(_) | Self::Status(_) | Self::Lately | Self::Keys => "upstream_unavailable",
            Self::Signing(_) => "signing",
            Self::NoUser => "upstream_unknown_account",
            Self::Crowded => "busy",
            Self::Store(_) => "store",
        }
    }

    /// Whether the provider has said, for certain, that this person is not to go on.
    pub(crate) fn is_refusal(&self) -> bool {
        matches!(
            self,
            Self::NotGiven(NotGiven::Refused(_))
                | Self::IdToken(IdTokenError::Subject)
                | Self::Access(AccessError::NotAMember | AccessError::Nothing)
        )
    }

    /// For whoever runs this server: the whole of it. Nothing in it is a secret.
    pub(crate) fn log(&self, provider: &str) {
        let (error, rule) = (self as &dyn std::error::Error, self.rule());
        match self.kind() {
            Kind::SetUp => {
                tracing::error!(error, rule, provider, "a login at an identity provider failed");
            }
            Kind::Unavailable => {
                tracing::warn!(error, rule, provider, "an identity provider cannot be asked");
            }
            Kind::StartAgain | Kind::Refused | Kind::NotAllowed => {
                tracing::info!(error, rule, provider, "nobody came in through an identity provider");
            }
        }
    }

    /// For the person. `again` is the login page for what they came for.
    pub(crate) fn page(&self, display_name: &str, again: Option<String>) -> ErrorPage {
        let name = display_name;
        let (status, title, what, next) = match self.kind() {
            Kind::StartAgain => (
                StatusCode::BAD_REQUEST,
                "This sign-in cannot be finished",
                format!("You came back from {name}, but what you brought belongs to no sign-in that can be finished here. \
                         Nobody was signed in."),
                "Go back to the application, or to the sign-in page, and start again.".to_owned(),
            ),
            Kind::Refused => (
                StatusCode::FORBIDDEN,
                "You were not signed in",
                format!("{name} did not let you in, or you went back."),
                format!("You can try again. If {name} refuses again, ask whoever runs it in your organisation."),
            ),
            Kind::NotAllowed => (
                StatusCode::FORBIDDEN,
                "Your account may not sign in here",
                format!("{name} knows you, but this server does not let your account in."),
                match self {
                    Self::Access(AccessError::Overage(_)) => format!(
                        "Whoever runs this server has to change what {name} tells it: app roles, or only the groups that \
                         are assigned to the application. Show them this page."
                    ),
                    Self::NoUser => {
                        "Ask whoever runs this server to add your account. Show them this page.".to_owned()
                    }
                    _ => "Ask whoever manages the groups of your organisation to add you, and sign in again then. With \
                          another account you can try right away."
                        .to_owned(),
                },
            ),
            Kind::SetUp => (
                StatusCode::BAD_GATEWAY,
                "The sign-in is not set up right",
                format!("This server and {name} do not agree about the sign-in. That is not your fault, and nobody was \
                         signed in."),
                "Tell whoever runs this server what is written here; its log says more.".to_owned(),
            ),
            Kind::Unavailable => (
                StatusCode::SERVICE_UNAVAILABLE,
                "The sign-in does not work right now",
                format!("{name} could not be asked who you are. Nobody was signed in."),
                "Try again in a moment. If it keeps failing, tell whoever runs this server.".to_owned(),
            ),
        };
        ErrorPage {
            status,
            title,
            what,
            // It can repeat what the provider wrote.
            why: visible(&format!("{}.", capitalised(&chain(self))), 500),
            next,
            back: again.map(|url| Back { place: "the sign-in page".to_owned(), url }),
            details: vec![("reason", self.rule().to_owned())],
        }
    }
}

#[cfg(test)]
mod tests {
    use barewire_oauth::error::ErrorResponse;

    use super::*;

    #[test]
    fn only_what_is_certain_about_a_person_is_a_refusal() {
        let response = |code: &str| ErrorResponse::new(ErrorCode::from_word(code), "x");
        for (failure, expected) in [
            (Failure::from(NotGiven::Refused(response("invalid_grant"))), true),
            (AccessError::NotAMember.into(), true),
            (AccessError::Nothing.into(), true),
            (IdTokenError::Subject.into(), true),
            (AccessError::Overage("groups".to_owned()).into(), false),
            (NotGiven::Misconfigured(response("invalid_client")).into(), false),
            (NotGiven::Unavailable(503).into(), false),
            (NotGiven::Malformed.into(), false),
            (IdTokenError::Signature.into(), false),
            (Failure::Keys, false),
            (Failure::Lately, false),
            (HttpError::Busy.into(), false),
        ] {
            assert_eq!(failure.is_refusal(), expected, "{failure}");
        }
    }
}

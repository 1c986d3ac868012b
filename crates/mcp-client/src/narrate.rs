//! The login's steps and judgements in the words of the record.

use barewire_exchange::{Decision, Step};
use barewire_oauth::client_flow::{FlowError, Judgement, Provenance, Purpose};
use barewire_oauth::metadata::well_known::Form;

/// What a request of the login is for.
pub(crate) fn step(purpose: Purpose) -> Step {
    match purpose {
        Purpose::ResourceMetadata(Form::NamedByChallenge) => Step::ResourceMetadataNamed,
        Purpose::ResourceMetadata(Form::ResourceRoot) => Step::ResourceMetadataRoot,
        Purpose::ResourceMetadata(_) => Step::ResourceMetadataInserted,
        Purpose::ServerMetadata(Form::OauthAtServerOrigin) => Step::ServerMetadataAtOrigin,
        Purpose::ServerMetadata(Form::OpenidInserted) => Step::ServerMetadataOpenid,
        Purpose::ServerMetadata(Form::OpenidAppended) => Step::ServerMetadataOpenidAppended,
        Purpose::ServerMetadata(_) => Step::ServerMetadataOauth,
        Purpose::Registration => Step::Register,
        Purpose::PushedRequest => Step::PushRequest,
        Purpose::Token => Step::RedeemCode,
        Purpose::DeviceAuthorization => Step::BeginDevice,
        Purpose::DeviceToken => Step::AskForDevice,
        Purpose::ClientCredentials => Step::ClientCredentials,
        Purpose::JwtBearer => Step::RedeemAssertion,
        Purpose::ProviderMetadata(_) => Step::ProviderMetadata,
        Purpose::TokenExchange => Step::ExchangeToken,
        Purpose::Refresh => Step::RefreshToken,
        Purpose::Revocation => Step::RevokeToken,
    }
}

/// What was made of an answer.
pub(crate) fn judgement(judgement: &Judgement) -> Decision {
    match judgement {
        Judgement::NotHere(tried) => Decision::TryNextPlace { found: tried.obstacle.to_string() },
        Judgement::Resource { resource, issuers } => Decision::UseIssuer {
            issuer: issuers.first().cloned().unwrap_or_default(),
            offered: issuers.len(),
            resource: resource.to_string(),
        },
        Judgement::NoResourceMetadata { .. } => Decision::NoResourceMetadata,
        Judgement::OtherServer(error) => Decision::TryNextPlace { found: error.to_string() },
        Judgement::Server(server) => match server.provenance {
            Provenance::Discovered(_) => Decision::MetadataAccepted { issuer: server.issuer.clone() },
            Provenance::Assumed => Decision::NoResourceMetadata,
        },
        Judgement::Registered { client_id, auth_method } => Decision::Registered {
            client_id: client_id.clone(),
            auth_method: auth_method.as_str().to_owned(),
        },
        Judgement::Pushed => Decision::RequestPushed,
        Judgement::Provider { issuer } => Decision::MetadataAccepted { issuer: issuer.clone() },
        Judgement::IdentityAssertion { provider } => Decision::AccessAllowed { provider: provider.clone() },
        Judgement::Callback { iss } => Decision::CallbackAccepted { issuer_checked: *iss },
    }
}

/// Where the login ended.
pub(crate) fn failure(error: &FlowError) -> Decision {
    let said = error.to_string();
    match error {
        FlowError::ResourceMismatch { resource, endpoint, .. } => {
            Decision::ResourceRefused { resource: resource.clone(), url: endpoint.clone() }
        }
        FlowError::NoAuthorizationServer { .. } => Decision::NoIssuer,
        FlowError::MetadataIssuerMismatch { expected, found, .. } => {
            Decision::IssuerRefused { expected: expected.clone(), found: found.clone() }
        }
        FlowError::NoPkce { .. } => Decision::PkceRefused,
        FlowError::UnusableEndpoint { name, reason, .. } => {
            Decision::EndpointRefused { endpoint: (*name).to_owned(), reason: format!("it {reason}") }
        }
        FlowError::RegistrationRefused { .. }
        | FlowError::NoClient { .. }
        | FlowError::NoSharedAuthMethod { .. } => Decision::RegistrationRefused { error: said },
        FlowError::StateMismatch | FlowError::RepeatedParameter { .. } => Decision::StateRefused,
        FlowError::IssMissing { expected } => {
            Decision::ResponseIssuerRefused { expected: expected.clone(), found: None }
        }
        FlowError::IssMismatch { expected, found } => {
            Decision::ResponseIssuerRefused { expected: expected.clone(), found: Some(found.clone()) }
        }
        FlowError::AccessDenied { .. }
        | FlowError::AuthorizationRefused { .. }
        | FlowError::PushRefused { .. }
        | FlowError::NoCode => Decision::LoginRefused { error: said },
        FlowError::GrantRefused { .. }
        | FlowError::AssertionRefused { .. }
        | FlowError::ClientRefused { .. }
        | FlowError::TokenRefused { .. }
        | FlowError::UnusableToken { .. } => Decision::TokenRefused { error: said },
        _ => Decision::LoginStopped { error: said, what_next: error.what_next().to_owned() },
    }
}

//! Why an attempt did not go on, in words for people.
//!
//! The reasons of refusals are those of the records (`docs/audit.md`); those of silence are named after what did not come.

use serde::Serialize;

/// What a reason means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// The word in records and labels.
    #[serde(skip)]
    pub word: &'static str,
    /// What happened.
    pub what: &'static str,
    /// What whoever runs the server can do.
    pub next: &'static str,
}

/// Nothing was taken: only a refusal is known.
pub(super) const NOT_BEGUN: &str = "metadata_not_fetched";
/// More came at once than is kept.
pub(super) const CROWDED_OUT: &str = "crowded_out";
/// Any other reason, as a label.
const OTHER: &str = "other";

/// What this word means.
#[must_use]
pub fn explain(word: &str) -> Option<&'static Explanation> {
    EXPLANATIONS.iter().find(|explanation| explanation.word == word)
}

/// The word as a label: one out of a fixed set.
pub(super) fn label(word: &str) -> &'static str {
    explain(word).map_or(OTHER, |explanation| explanation.word)
}

const fn reason(word: &'static str, what: &'static str, next: &'static str) -> Explanation {
    Explanation { word, what, next }
}

const MAKERS: &str = "The makers of the client have to mend that; tell them the step and this reason.";
const AGAIN: &str = "The client has to begin again; nothing is to be done here.";

/// Each reason that has an explanation: of silence first, then of refusals in the order of the steps.
pub const EXPLANATIONS: &[Explanation] = &[
    // Nothing came.
    reason(
        "metadata_not_fetched",
        "The client was told that it needs a token and read no metadata. It may not know OAuth, or be a monitor or scanner.",
        "If it is a real client: check that the header WWW-Authenticate of the 401 reaches it (barewire doctor), and that it \
         is made for servers that need a login.",
    ),
    reason(
        "server_metadata_not_fetched",
        "The client read which authorization server there is, and did not ask that one for its metadata.",
        "Check from outside that the issuer's well-known addresses answer (barewire doctor); a proxy may lead them elsewhere.",
    ),
    reason(
        "not_registered",
        "The client read all metadata and then neither registered nor sent its user.",
        "It may lack a way to become known here: look at auth.dynamic_registration and auth.client_documents, or configure it \
         in auth.clients. In a browser: check the headers of CORS.",
    ),
    reason(
        "browser_not_sent",
        "The client is known here, and no browser came with its request.",
        "It may have no browser to open (over SSH: the device flow), or its user did not follow the link.",
    ),
    reason(
        "login_not_finished",
        "The login page was shown and nobody logged in.",
        "Ask the user: a window that was closed, a forgotten password, or a page that their network blocks.",
    ),
    reason(
        "second_factor_not_given",
        "Name and password were right, and the code of the second factor did not come.",
        "Ask the user whether the authenticator app is at hand; recovery codes are for when it is not.",
    ),
    reason(
        "consent_not_answered",
        "The user was asked whether the client may, and did not answer.",
        "Ask the user: a window that was closed, or a question that was not understood.",
    ),
    reason(
        "device_not_allowed",
        "The device showed its code, and nobody typed it in and allowed it.",
        "The code lives for auth.device_code_ttl; the user has to start again on the device.",
    ),
    reason(
        "code_not_redeemed",
        "The browser was sent back to the client with a code, and the client did not come for its token.",
        "The callback did not arrive: the program that listened was gone (a second instance, a restart), the callback's host \
         is not the one the browser reaches, or the client refused the answer (state, iss).",
    ),
    reason(
        "token_not_used",
        "The client has a token and sent no request with it.",
        "The stop is on the client's side: compare with another client at the same address. If its requests do not arrive at \
         all, look for a redirect of the endpoint (/mcp to /mcp/) or a proxy that answers for it.",
    ),
    reason(
        "request_without_token",
        "The client has a token, and its next request came without one.",
        "A redirect to another host or path, or a proxy, takes the header Authorization away; or the client has stored the \
         token for another address.",
    ),
    reason(
        "crowded_out",
        "More came at once than is kept apart, and this attempt made room.",
        "A flood, most likely: look at the addresses in the audit log. funnel.max_attempts says how much is kept.",
    ),
    // The MCP endpoint, before and after the login.
    reason(
        "missing_token",
        "The request came without a token.",
        "That is how a login begins; nothing is wrong yet.",
    ),
    reason("malformed_token", "The header Authorization is not one, or is there twice.", MAKERS),
    reason(
        "invalid_token",
        "The token is none of this server's, or was changed on its way.",
        "The client may hold a token of another server, or of this one before its keys were lost; it has to log in again.",
    ),
    reason(
        "expired_token",
        "The token had expired.",
        "The client has to use its refresh token, or log in again.",
    ),
    reason("early_token", "The token is not good yet.", "The clocks of the two servers differ."),
    reason(
        "wrong_audience",
        "The token is for another resource than this endpoint.",
        "The client asked for the token without the resource of this endpoint, or sends a token of another server.",
    ),
    reason("wrong_issuer", "The token is of another issuer.", "The client logged in somewhere else."),
    reason(
        "revoked_token",
        "The token or its grant was revoked.",
        "Its user, an administrator, or a sign of theft ended it; the client has to log in again.",
    ),
    reason(
        "insufficient_scope",
        "The token is good and lacks a scope.",
        "The client has to ask for the scopes of the challenge (step-up); some clients cannot do that.",
    ),
    reason("bound_token_as_bearer", "The token is bound to a key (DPoP) and came without the proof.", MAKERS),
    reason("unbound_token_as_dpop", "A proof came with a token that is bound to no key.", MAKERS),
    reason(
        "unbound_token",
        "This server takes only tokens that are bound to a key (DPoP).",
        "The client does not do DPoP; auth.dpop = \"offered\" lets it in.",
    ),
    reason(
        "verifier_unavailable",
        "The token could not be checked.",
        "Look at the log of the server: its store or keys were not reached.",
    ),
    reason("too_many_forgeries", "So many bad tokens came that this one was not looked at.", AGAIN),
    reason(
        "host",
        "The request was addressed to another name than the server's.",
        "Set the public URL to the name that clients use, or let the proxy keep it.",
    ),
    reason(
        "origin",
        "The request came from a web page of an origin that is not allowed.",
        "Allow the origin of that page, if it is yours.",
    ),
    // Registration.
    reason(
        "redirect_uri",
        "The redirect URI is not one that this client may have: not registered, or of a kind that is not taken.",
        "Compare it with what the client registered. For callbacks with a scheme of their own: auth.private_use_redirects.",
    ),
    reason(
        "ambiguous_redirect_uri",
        "The request names no redirect URI, and the client has several.",
        MAKERS,
    ),
    reason("unsupported", "The client wants to register something that is not offered here.", MAKERS),
    reason("too_large", "The body is larger than is read.", MAKERS),
    reason(
        "full",
        "There is no room for more of these.",
        "All registered clients are in use, or a flood holds the places: auth.max_clients, and the addresses in the audit log.",
    ),
    // The authorization request.
    reason("missing_client_id", "The request does not say which client it is for.", MAKERS),
    reason("repeated_parameter", "A parameter is there twice.", MAKERS),
    reason(
        "unknown_client",
        "The client is not known here.",
        "Its registration is of another server, or was removed because nobody used it; the client has to forget it and \
         register again (remove the connection there and add it anew).",
    ),
    reason(
        "client_document",
        "The document that names the client could not be fetched, or is not one.",
        "The log of the server says why. auth.client_document_hosts says which hosts are asked.",
    ),
    reason(
        "pushed_reference",
        "The request that the client had pushed is not there any more.",
        "It is good for a short time and for one answer; the client has to begin again.",
    ),
    reason(
        "pushed_request_required",
        "The request has to be pushed first (PAR), and was not.",
        "Turn auth.require_pushed_authorization_requests off for clients that cannot.",
    ),
    reason(
        "code_challenge",
        "The request has no PKCE challenge with S256.",
        "The client is too old for OAuth 2.1.",
    ),
    reason(
        "invalid_scope",
        "The request asks for a scope that there is not.",
        "Compare the scope with what the metadata of the server lists.",
    ),
    reason(
        "invalid_target",
        "The request is for a resource that is not served here.",
        "Compare resource with the URL of the endpoint, to the letter: scheme, host, path.",
    ),
    reason("unsupported_response_type", "The request asks for something else than a code.", MAKERS),
    reason("unauthorized_client", "The client did not register for this way to a token.", MAKERS),
    reason("login_required", "The client wanted an answer without asking, and nobody was logged in.", AGAIN),
    reason(
        "consent_required",
        "The client wanted an answer without asking, and the user has to be asked.",
        AGAIN,
    ),
    reason("invalid_request", "The request is not as it has to be.", MAKERS),
    reason("too_long", "The request is longer than is read.", MAKERS),
    reason("request", "The request of the client was refused.", MAKERS),
    // People.
    reason(
        "wrong_password",
        "The password was wrong, or there is no such user.",
        "The user has to try again; after several wrong ones, to wait.",
    ),
    reason(
        "wrong_code",
        "The code of the second factor was wrong.",
        "The clock of the app may be wrong; recovery codes are for when it is lost.",
    ),
    reason(
        "throttled",
        "After too many wrong ones, this one was not looked at.",
        "The user has to wait; that passes by itself.",
    ),
    reason("busy", "Too much was being asked at once.", AGAIN),
    reason(
        "stale_form",
        "A form was sent that did not come from the page that was made for it.",
        "The user went back to an old page, or the browser keeps no cookies; many of these from elsewhere are forms of another site.",
    ),
    reason(
        "wrong_challenge",
        "The passkey answered another question.",
        "The page was open for too long; the user has to load it again.",
    ),
    reason(
        "wrong_origin",
        "The passkey belongs to another site.",
        "The server is reached under another name than the one it was made for.",
    ),
    reason(
        "user_not_verified",
        "The passkey did not verify its user.",
        "The device has to ask for a finger, face or PIN.",
    ),
    reason(
        "unknown_passkey",
        "The passkey is none that is known here.",
        "The user has to sign in with the password and add it again.",
    ),
    reason("wrong_signature", "The passkey's signature is wrong.", AGAIN),
    reason(
        "cloned_passkey",
        "There may be two copies of the passkey.",
        "Remove it and have its user make a new one.",
    ),
    reason("user", "The user said no.", "Ask the user; the client can ask again."),
    reason(
        "unknown_user_code",
        "No device waits with the code that was typed.",
        "The user has to compare it with the device, or start again there.",
    ),
    // At the organisation's identity provider.
    reason(
        "upstream_unavailable",
        "The organisation's identity provider did not answer, or not with what it should.",
        "Look at the log of the server, and at the provider.",
    ),
    reason(
        "upstream_discovery",
        "What the identity provider says of itself cannot be used.",
        "Look at the log of the server; the issuer may be another than the one that is configured.",
    ),
    reason(
        "upstream_misconfigured",
        "The identity provider does not accept this server as its client.",
        "Compare client id, secret and redirect URI with what is registered there.",
    ),
    reason(
        "upstream_refused",
        "The identity provider refused the login.",
        "Look at the log of the server; the provider's own log says why.",
    ),
    reason(
        "upstream_denied",
        "The user, or the identity provider, said no.",
        "Ask the user, or whoever decides there who may use this application.",
    ),
    reason(
        "upstream_unknown_account",
        "The account at the identity provider has no user here.",
        "Create the user, or let accounts become users by themselves.",
    ),
    reason(
        "upstream_group_missing",
        "The user is in none of the groups that may log in.",
        "Add the user to one of them at the identity provider.",
    ),
    reason(
        "upstream_group_overage",
        "The user is in more groups than the identity provider tells of.",
        "Have the provider send only the groups that count here.",
    ),
    reason(
        "upstream_no_scope",
        "The user's groups allow nothing here.",
        "Look at which scopes each group has in the settings.",
    ),
    reason(
        "upstream_unknown_state",
        "The identity provider's answer belongs to no login that began here.",
        "The user has to begin again.",
    ),
    reason(
        "upstream_other_browser",
        "The answer came in another browser than the login began in.",
        "The user has to begin again, in one browser; many of these from elsewhere are an attack.",
    ),
    reason(
        "upstream_other_provider",
        "The answer is of another identity provider than the one that was asked.",
        "The user has to begin again; many of these are an attack (mix-up).",
    ),
    reason(
        "upstream_expired",
        "The answer came too late.",
        "The user took too long at the identity provider, and has to begin again.",
    ),
    reason(
        "upstream_replay",
        "The answer came a second time.",
        "The user went back in the browser; the login has to begin again.",
    ),
    reason(
        "upstream_malformed",
        "The identity provider's answer has no code, or more than one.",
        "Look at the log of the server.",
    ),
    reason(
        "upstream_issuer",
        "The answer names another issuer than the one that was asked.",
        "Look at the issuer in the settings; many of these are an attack (mix-up).",
    ),
    reason(
        "upstream_id_token",
        "The ID token of the identity provider is not as it has to be.",
        "Look at the log of the server; issuer, client id and keys have to be those of the settings.",
    ),
    reason(
        "upstream_id_token_algorithm",
        "The ID token of the identity provider is not as it has to be.",
        "Look at the log of the server; issuer, client id and keys have to be those of the settings.",
    ),
    reason(
        "upstream_id_token_issuer",
        "The ID token of the identity provider is not as it has to be.",
        "Look at the log of the server; issuer, client id and keys have to be those of the settings.",
    ),
    reason(
        "upstream_id_token_audience",
        "The ID token of the identity provider is not as it has to be.",
        "Look at the log of the server; issuer, client id and keys have to be those of the settings.",
    ),
    reason(
        "upstream_id_token_nonce",
        "The ID token of the identity provider is not as it has to be.",
        "Look at the log of the server; issuer, client id and keys have to be those of the settings.",
    ),
    reason(
        "upstream_id_token_at_hash",
        "The ID token of the identity provider is not as it has to be.",
        "Look at the log of the server; issuer, client id and keys have to be those of the settings.",
    ),
    reason(
        "upstream_id_token_subject",
        "The ID token of the identity provider is not as it has to be.",
        "Look at the log of the server; issuer, client id and keys have to be those of the settings.",
    ),
    reason(
        "upstream_id_token_signature",
        "The ID token of the identity provider is not as it has to be.",
        "Look at the log of the server; issuer, client id and keys have to be those of the settings.",
    ),
    reason(
        "upstream_id_token_time",
        "The ID token of the identity provider is too old, or not good yet.",
        "The clocks of the two differ.",
    ),
    reason(
        "upstream_not_asked",
        "The identity provider did not ask its user anew, though the client wanted that.",
        "The provider has to support prompt and max_age.",
    ),
    reason(
        "access_denied",
        "The server does not let this user have what the client asks for.",
        "Look at what the user's groups allow.",
    ),
    // The token endpoint.
    reason(
        "unknown_code",
        "The code is none, or is not kept any more.",
        "The client redeemed it much too late, or at another server.",
    ),
    reason(
        "expired_code",
        "The code was redeemed after its time.",
        "The client or its user's network took longer than auth.code_ttl.",
    ),
    reason(
        "code_replay",
        "The code was redeemed twice; what it gave is revoked.",
        "A client that asks twice, or somebody who has a copy of the code: look at the addresses.",
    ),
    reason(
        "raced",
        "Two requests for the same code were under way; the other one won.",
        "The client asks twice.",
    ),
    reason(
        "wrong_verifier",
        "The PKCE verifier does not belong to the challenge.",
        "Two logins of the client got mixed up (two windows, two instances), or somebody has taken the code.",
    ),
    reason("malformed_verifier", "The PKCE verifier is not one.", MAKERS),
    reason("wrong_redirect_uri", "The redirect URI is not the one of the authorization request.", MAKERS),
    reason("wrong_resource", "The resource is not the one of the authorization request.", MAKERS),
    reason(
        "wrong_client",
        "The code belongs to another client.",
        "Two registrations of the client got mixed up; it has to begin again.",
    ),
    reason(
        "client_authentication",
        "The client did not prove who it is, or with the wrong secret.",
        "Compare its secret; a client that registered anew may use the old one.",
    ),
    reason("malformed", "The request is not as it has to be.", MAKERS),
    reason("malformed_scope", "The scope is not one.", MAKERS),
    reason("malformed_resource", "The resource is not one.", MAKERS),
    reason(
        "unknown_resource",
        "The resource is not one that tokens are issued for here.",
        "Compare resource with the URL of the endpoint, to the letter: scheme, host, path.",
    ),
    reason("unsupported_grant_type", "This way to a token is not offered here.", MAKERS),
    reason(
        "not_allowed",
        "This client may not get a token in this way.",
        "auth.own_access says which clients get tokens for themselves.",
    ),
    reason(
        "more_scope",
        "The client asks for more than it may have.",
        "Compare the scope with what was granted.",
    ),
    reason("not_now", "The server could not decide at that moment.", AGAIN),
    reason(
        "denied",
        "The user said no on the page for devices.",
        "Ask the user; the device can begin again.",
    ),
    reason(
        "expired_device_code",
        "The code of the device was not allowed in time.",
        "The user has to start again on the device.",
    ),
    reason("unknown_device_code", "The code of the device is none.", AGAIN),
    reason("slow_down", "The device asks more often than it was told.", MAKERS),
    reason("device_code_replay", "The code of the device was used before.", AGAIN),
    reason(
        "missing_proof",
        "There is no DPoP proof where one is needed.",
        "The client does not do DPoP, or lost its key.",
    ),
    reason(
        "proof_of_another_key",
        "The DPoP proof is of another key than the one that was named.",
        "Two instances of the client got mixed up, or somebody has taken the code or token.",
    ),
    reason(
        "proof_replay",
        "The DPoP proof was used before.",
        "The client sends a proof twice, or somebody has a copy.",
    ),
    reason(
        "stale_proof",
        "The DPoP proof is too old, or from the future.",
        "The clocks of client and server differ.",
    ),
    reason(
        "proof_without_nonce",
        "The DPoP proof needs the nonce of this server; the answer has it.",
        "The client has to send it again with the nonce.",
    ),
    reason(
        "invalid_proof",
        "The DPoP proof is not one, or is for another URL.",
        "Behind a proxy: the public URL has to be the one that the client calls.",
    ),
    reason("malformed_assertion", "The signed statement is not one.", MAKERS),
    reason("assertion_algorithm", "The signed statement uses an algorithm that is not taken.", MAKERS),
    reason("assertion_type", "The signed statement is of another type.", MAKERS),
    reason(
        "assertion_issuer",
        "The signed statement is of an issuer that is not trusted here.",
        "auth.trusted_issuers names those that are.",
    ),
    reason("assertion_subject", "The signed statement is about somebody else.", MAKERS),
    reason(
        "assertion_client",
        "The signed statement was made for another client.",
        "Compare the client's id at the identity provider with the one here.",
    ),
    reason(
        "assertion_unknown_subject",
        "The signed statement is about a user or workload that is not known here.",
        "Create the user here, or allow the workload in auth.trusted_issuers.",
    ),
    reason(
        "assertion_audience",
        "The signed statement was made for another server.",
        "Its audience has to be the issuer of this server.",
    ),
    reason(
        "assertion_expired",
        "The signed statement had expired.",
        "The clocks of the two differ, or it was kept for too long.",
    ),
    reason(
        "assertion_not_yet_valid",
        "The signed statement is not good yet.",
        "The clocks of the two differ.",
    ),
    reason(
        "assertion_too_long",
        "The signed statement lives longer than is taken.",
        "auth.client_assertion_max_ttl says how long it may live.",
    ),
    reason("assertion_without_id", "The signed statement has no id by which it counts once.", MAKERS),
    reason(
        "assertion_signature",
        "The signature of the statement is wrong.",
        "The key here is not the one it was signed with: look at the client's jwks or jwks_uri.",
    ),
    reason(
        "assertion_replay",
        "The signed statement was used before.",
        "The client sends one twice, or somebody has a copy.",
    ),
    reason("store", "The server could not read or write its own records.", "Look at the log of the server."),
    reason("signing", "The server could not sign the token.", "Look at the log of the server."),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_word_is_explained_once() {
        let words: BTreeSet<_> = EXPLANATIONS.iter().map(|explanation| explanation.word).collect();
        assert_eq!(words.len(), EXPLANATIONS.len());
        for explanation in EXPLANATIONS {
            assert!(
                explanation.what.ends_with('.') && explanation.next.ends_with('.'),
                "{}",
                explanation.word
            );
            assert!(
                !explanation.what.contains("  ") && !explanation.next.contains("  "),
                "{}",
                explanation.word
            );
            assert_eq!(label(explanation.word), explanation.word);
        }
        // Each setting that it names is one.
        const SETTINGS: &str = include_str!("../../../../docs/configuration.md");
        for word in EXPLANATIONS.iter().flat_map(|explanation| explanation.next.split_whitespace()) {
            let Some(name) = word.trim_matches(['.', ',', ':', ';']).strip_prefix("auth.") else { continue };
            let forms = [format!("{name} = "), format!("[[auth.{name}]]")];
            let is_named =
                |line: &str| forms.iter().any(|form| line.trim_start_matches(['#', ' ']).starts_with(form));
            assert!(SETTINGS.lines().any(is_named), "auth.{name}");
        }
        assert_eq!(label("what a stranger says"), OTHER);
        assert!(explain(NOT_BEGUN).is_some() && explain(CROWDED_OUT).is_some());
    }
}

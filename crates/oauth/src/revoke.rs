//! What `POST /revoke` reads ([RFC 7009](https://datatracker.ietf.org/doc/html/rfc7009)).

use crate::parameters::{Parameters, Repeated};

/// How our refresh tokens begin, so that they can be recognised here, in logs and by secret scanners.
pub const REFRESH_TOKEN_PREFIX: &str = "bwr_";

/// A token to end, by what it looks like. `token_type_hint` is not needed for that, and a wrong one does no harm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Revoked<'a> {
    /// A refresh token: its whole grant ends.
    Refresh(&'a str),
    /// An access token: it alone ends, the grant goes on.
    Access(&'a str),
    /// Nothing we ever issued; that is a success ([RFC 7009 §2.2](https://datatracker.ietf.org/doc/html/rfc7009#section-2.2)).
    Foreign,
}

/// Why nothing was revoked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RevokeError {
    /// No token.
    #[error("token is missing")]
    Missing,
    /// A parameter is there twice.
    #[error(transparent)]
    Repeated(#[from] Repeated),
}

/// Reads a revocation request.
///
/// # Errors
/// [`RevokeError`].
pub fn read(parameters: &Parameters) -> Result<Revoked<'_>, RevokeError> {
    parameters.none_repeated(&[])?;
    let token = parameters.one("token")?.ok_or(RevokeError::Missing)?;
    Ok(match token {
        token if token.starts_with(REFRESH_TOKEN_PREFIX) => Revoked::Refresh(token),
        token if token.bytes().filter(|&b| b == b'.').count() == 2 => Revoked::Access(token),
        _ => Revoked::Foreign,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_told_apart_by_their_looks() {
        let check = |text: &str, expected: Result<Revoked<'_>, RevokeError>| {
            assert_eq!(read(&Parameters::parse(text.as_bytes())), expected, "{text}");
        };
        check("token=bwr_x&token_type_hint=access_token", Ok(Revoked::Refresh("bwr_x")));
        check("token=a.b.c&token_type_hint=refresh_token", Ok(Revoked::Access("a.b.c")));
        check("token=whatever&token_type_hint=magic", Ok(Revoked::Foreign));
        check("token=", Err(RevokeError::Missing));
        check("", Err(RevokeError::Missing));
        check("token=a&token=b", Err(RevokeError::Repeated(Repeated { name: "token".into() })));
    }
}

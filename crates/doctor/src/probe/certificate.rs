//! What is wrong with a certificate, as a sentence.

use rustls::CertificateError;

/// The sentence, where the error is about the peer's certificate. It completes "the certificate …".
pub(super) fn problem(error: &(dyn std::error::Error + 'static)) -> Option<String> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(tls) = tls_error(error) {
            return match tls {
                rustls::Error::InvalidCertificate(problem) => Some(sentence(problem)),
                rustls::Error::NoCertificatesPresented => Some("is not there".to_owned()),
                _ => None,
            };
        }
        cause = error.source();
    }
    None
}

/// Hyper and tokio hand TLS errors on inside of an I/O error, where `source` does not show them.
fn tls_error<'a>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a rustls::Error> {
    let mut error = error;
    while let Some(inside) = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref) {
        error = inside;
    }
    error.downcast_ref::<rustls::Error>()
}

fn sentence(problem: &CertificateError) -> String {
    match problem {
        CertificateError::UnknownIssuer => {
            "is not signed by an authority that this machine trusts: it is self-signed, its intermediate certificate is not sent, or the authority is a private one".to_owned()
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => "has expired".to_owned(),
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "is not valid yet, or this machine's clock is slow".to_owned()
        }
        CertificateError::NotValidForNameContext { expected, presented } => {
            let presented: Vec<&str> = presented.iter().take(5).map(String::as_str).collect();
            format!("is not for {}; it is for {}", expected.to_str(), presented.join(", "))
        }
        CertificateError::NotValidForName => "is for another name".to_owned(),
        CertificateError::Revoked => "was revoked".to_owned(),
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            "is not one of a server".to_owned()
        }
        other => format!("is not accepted ({other})"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn problems_are_named_wherever_they_are_wrapped() {
        let expired = || rustls::Error::InvalidCertificate(CertificateError::Expired);
        let in_io = std::io::Error::other(std::io::Error::new(std::io::ErrorKind::InvalidData, expired()));
        assert_eq!(problem(&expired()).as_deref(), Some("has expired"));
        assert_eq!(problem(&in_io).as_deref(), Some("has expired"));
        assert_eq!(problem(&std::io::Error::other("refused")), None);
        let unknown = rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer);
        assert!(problem(&unknown).is_some_and(|sentence| sentence.contains("self-signed")));
    }
}

//! The parts of a report.

use serde::{Deserialize, Serialize};

macro_rules! areas {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal, $title:literal;)*) => {
        /// What a finding is about. The beginning of its id says the same.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Area { $($(#[$doc])* $name,)* }

        impl Area {
            /// All of them, in the order of a report.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// What stands before the dot of its findings' ids.
            #[must_use]
            pub const fn prefix(self) -> &'static str {
                match self { $(Self::$name => $prefix,)* }
            }

            /// A heading.
            #[must_use]
            pub const fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)* }
            }
        }
    };
}

areas! {
    /// Whether something answers at the URL.
    Reach = "reach", "Reaching it";
    /// Encryption.
    Tls = "tls", "Encryption";
    /// Redirects, and the slash at the end.
    Redirect = "redirect", "Redirects";
    /// Whether a login is needed.
    Authorization = "authorization", "Authorization";
    /// The 401.
    Challenge = "challenge", "The challenge";
    /// Where the metadata is.
    Discovery = "discovery", "Finding the metadata";
    /// What the resource's metadata says.
    Metadata = "metadata", "The resource's metadata";
    /// What the authorization server's metadata says, and its endpoints.
    Authserver = "authserver", "The authorization server";
    /// What the given token is good for.
    Token = "token", "The token";
    /// Pages in a browser.
    Cors = "cors", "Hosts in a browser (CORS)";
    /// Pages that should not be let in.
    Origin = "origin", "Protection against other pages";
    /// Which revisions are spoken.
    Revision = "revision", "Revisions";
    /// Headers on their way.
    Header = "header", "Headers on their way";
    /// Sessions of the handshake era.
    Session = "session", "Sessions";
    /// Event streams on their way.
    Stream = "stream", "Streams";
    /// Refusals.
    Refusal = "refusal", "Errors";
    /// Lists and their pages.
    List = "list", "Lists";
    /// Tools as hosts take them.
    Schema = "schema", "Tools and their schemas";
}

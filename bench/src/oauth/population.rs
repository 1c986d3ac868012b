//! Who is there: users, clients and grants, each made from its number alone. So whoever fills a store and whoever uses it
//! know the same refresh tokens, and nothing but digests is in the file.

use aws_lc_rs::digest::{SHA256, digest};
use barewire_oauth::client::{
    ApplicationType, Client, ClientAuthentication, Demands, GrantType, RedirectUri, Registration,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::oauth::{CALLBACK, RESOURCE};
use crate::server::SCOPE;

/// How many of each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Population {
    /// Live ones, each with a refresh token.
    pub grants: u64,
    /// That registered themselves.
    pub clients: u64,
    /// With a password.
    pub users: u64,
}

/// A share of the grants that nobody else uses: a refresh token is good once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The rows.
    Rows,
    /// Refreshes that are measured alone, and beside logins.
    Alone,
    /// Refreshes that are measured beside a sweep.
    Reaping,
}

/// Grants of one client of a [`Part`]: more than it uses up.
const OF_ONE: usize = 2_000;

/// Clients that everybody uses: every second grant is for one of them, the others are spread over all.
const POPULAR: u64 = 10;

/// What a refresh token begins with.
const PREFIX: &str = "bwr_";

/// The two secrets in a refresh token.
pub struct Parts {
    /// Names the family.
    pub handle: [u8; 16],
    /// Changes with each use; this is the first.
    pub secret: [u8; 32],
}

impl Population {
    /// A store that is as good as empty: as many grants as the rows work with.
    pub const SMALL: Self = Self { grants: 640, clients: 64, users: 64 };

    /// A user's `sub`, and the name to log in with.
    pub fn user(number: u64) -> String {
        format!("user{number:06}")
    }

    /// A client's identifier, as long as those that the server makes.
    pub fn client_id(number: u64) -> String {
        format!("client_{}", text(&bytes::<16>("client", number)))
    }

    /// A client as the rules know it.
    ///
    /// # Errors
    /// Never: the callback is a constant.
    pub fn client(number: u64) -> anyhow::Result<Client> {
        Ok(Client {
            id: Self::client_id(number),
            registration: Registration::Dynamic,
            name: Some(format!("Application {number}")),
            uri: None,
            redirect_uris: vec![RedirectUri::parse(CALLBACK)?],
            grant_types: vec![GrantType::AuthorizationCode, GrantType::RefreshToken],
            application_type: ApplicationType::Native,
            authentication: ClientAuthentication::None,
            demands: Demands::default(),
        })
    }

    /// A grant's identifier.
    pub fn grant_id(number: u64) -> String {
        text(&bytes::<16>("grant", number))
    }

    /// Which user a grant is by.
    pub fn user_of(&self, grant: u64) -> u64 {
        grant % self.users
    }

    /// Which client a grant is for.
    pub fn client_of(&self, grant: u64) -> u64 {
        let popular = POPULAR.min(self.clients);
        if grant.is_multiple_of(2) { (grant / 2) % popular } else { (grant / 2) % self.clients }
    }

    /// The users from this one on are those whose grants end in the course of a run: a tenth.
    pub fn first_to_end(&self) -> u64 {
        self.users - self.users / 10
    }

    /// The grants that one of so many clients uses of a part. None of them ends in the course of a run.
    pub fn part(&self, part: Part, number: usize, of: usize) -> impl Iterator<Item = u64> + use<> {
        let Self { grants, users, .. } = *self;
        let last = self.first_to_end();
        (0..grants)
            .filter(move |grant| (grant / users) % 3 == part as u64 && grant % users < last)
            .skip(number)
            .step_by(of.max(1))
            .take(OF_ONE)
    }

    /// The secrets of a grant's first refresh token.
    pub fn parts(grant: u64) -> Parts {
        Parts { handle: bytes("handle", grant), secret: bytes("secret", grant) }
    }

    /// That token.
    pub fn refresh_token(grant: u64) -> String {
        let Parts { handle, secret } = Self::parts(grant);
        format!("{PREFIX}{}", text(&[&handle[..], &secret].concat()))
    }

    /// The scope of every grant.
    pub fn scope() -> &'static str {
        SCOPE
    }

    /// The resource of every grant.
    pub fn resource() -> &'static str {
        RESOURCE
    }
}

/// What the store has of a secret.
pub fn stored(secret: &[u8]) -> Vec<u8> {
    digest(&SHA256, secret).as_ref().to_vec()
}

fn bytes<const N: usize>(of: &str, number: u64) -> [u8; N] {
    let hash = digest(&SHA256, format!("{of} {number}").as_bytes());
    hash.as_ref()[..N].try_into().expect("no part is longer than the hash")
}

fn text(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_of_all_grants_are_for_a_few_clients_and_nobody_is_left_out() {
        let population = Population { grants: 1_000, clients: 100, users: 100 };
        let mut grants = [0; 100];
        for grant in 0..population.grants {
            grants[usize::try_from(population.client_of(grant)).unwrap()] += 1;
        }
        assert!(grants[..10].iter().all(|grants| *grants == 55), "{grants:?}");
        assert!(grants[10..].iter().all(|grants| *grants == 5), "{grants:?}");
        let of = |part, number| population.part(part, number, 4).collect::<Vec<_>>();
        let parts = [Part::Rows, Part::Alone, Part::Reaping];
        let mut all: Vec<u64> =
            parts.into_iter().flat_map(|part| (0..4).flat_map(move |n| of(part, n))).collect();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), 900, "each is used by one, and those of the last tenth of the users by none");
        assert_ne!(Population::refresh_token(1), Population::refresh_token(2));
        assert_eq!(Population::client_id(1).len(), "client_".len() + 22);
    }
}

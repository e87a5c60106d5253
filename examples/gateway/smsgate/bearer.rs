//! SMSGate's clients send a refresh token as they send an access token: after `Bearer`. It is let through with
//! one scope, which the refresh endpoint alone asks for.

use portcullis::{
    Authenticator, Challenge, Head, NowOrLater, Principal, Rejection, RejectionKind, Scheme,
    jwt::{
        JwtAuth,
        refresh::{RefreshToken, Refresher},
    },
};

/// Access tokens and refresh tokens. Their keys differ, so that none is ever taken for the other.
pub struct Tokens {
    pub access: JwtAuth,
    pub refresher: Refresher,
}

impl Authenticator for Tokens {
    fn scheme(&self) -> Scheme {
        self.access.scheme()
    }

    fn authenticate(&self, head: &Head<'_>) -> Option<NowOrLater<Result<Principal, Rejection>>> {
        let sent = std::str::from_utf8(head.credentials(self.scheme().as_str())?).unwrap_or_default();
        match self.refresher.verify(sent.trim_start_matches(' ')) {
            // A used one ends its family wherever it is shown.
            Ok(token) => Some(self.refresher.check(&token).map(|unused| {
                unused?;
                Ok(holder(token))
            })),
            Err(_) => self.access.authenticate(head),
        }
    }

    fn challenge(&self, refused: Option<RejectionKind>) -> Challenge {
        self.access.challenge(refused)
    }
}

fn holder(token: RefreshToken) -> Principal {
    Principal::builder(token.principal().identity().clone(), Scheme::BEARER)
        .credential_id(token.id())
        .scopes([Refresher::SCOPE])
        .extra(token)
        .build()
}

//! SMSGate's clients send a refresh token as they send an access token: after `Bearer`. It is let through with
//! one scope, which the refresh endpoint alone asks for.

use portcullis::{
    NowOrLater, Principal, Rejection, Scheme, TokenVerifier,
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

impl TokenVerifier for Tokens {
    fn verify(&self, token: &str) -> NowOrLater<Result<Principal, Rejection>> {
        match self.refresher.verify(token) {
            // A used one ends its family wherever it is shown.
            Ok(token) => self.refresher.check(&token).map(|unused| {
                unused?;
                Ok(holder(token))
            }),
            Err(_) => self.access.verify(token),
        }
    }
}

fn holder(token: RefreshToken) -> Principal {
    Principal::builder(token.principal().identity().clone(), Scheme::BEARER)
        .credential_id(token.id())
        .scopes([Refresher::SCOPE])
        .extra(token)
        .build()
}

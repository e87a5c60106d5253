//! Refresh tokens (RFC 6749 section 1.5): pairs of a short-lived access token and a token for the next pair.
//!
//! What comes of one pair is a *family*: every access token and every refresh token, however often it is
//! refreshed. The rules (RFC 9700 section 4.14):
//!
//! 1. A refresh token is a JWT by a key of its own. It is good for nobody but the [`Refresher`], and no access
//!    token is good as one.
//! 2. It is good once. Using it up and putting the next one in its place is one step of the
//!    [`RefreshStore`]: of any number who use one token at once, one gets a pair.
//! 3. Who comes with a used one is refused, and the family is revoked: whether the first or the second was
//!    the thief, nobody knows. The access tokens of the family are refused from then on, too, if the
//!    [verifier asks the store](crate::jwt::JwtAuthBuilder::revocations).
//! 4. It expires when it is not used for [a while](Refresher::lifetime). A family ends for good after
//!    another, however often it is refreshed; none of its tokens outlives it.
//! 5. Scopes never grow: those of an access token are among those that the family was begun with, and among
//!    those of the principal of the [`Grant`](crate::jwt::Grant).
//! 6. Who came by an access token gets a family of its own: a child of that token's family, which expires no
//!    later than the token.
//! 7. Revocation goes downwards only. A family that is revoked, by whomever or for a token that came twice, ends
//!    its children, and theirs; its parent and its siblings go on.
//! 8. A store that cannot answer: 503. It is then not known whether the token was used up.
//!
//! ```
//! use portcullis::{
//!     Identity, Principal, Scheme, ScopeSet,
//!     jwt::{
//!         Algorithm, Grant, Issuer, JwtAuth, Key, Keys,
//!         refresh::{MemoryRefreshStore, RefreshErrorKind, Refresher},
//!     },
//! };
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let secret = "a secret of at least 32 bytes, from a file";
//! let store = MemoryRefreshStore::new();
//! let issuer = Issuer::new("https://id.example.org", Algorithm::HS256, secret)?
//!     .identities_of(Identity::LOCAL);
//! let refresher = Refresher::new(issuer, secret, store.clone())?;
//! let jwt = JwtAuth::builder(Keys::new([Key::hmac(Algorithm::HS256, secret)?])?)
//!     .issuer("https://id.example.org")
//!     .identities_of(Identity::LOCAL)
//!     .revocations(store)
//!     .build()?;
//!
//! // After a sign-in by password, say.
//! let scopes = ScopeSet::parse("messages:send messages:read")?;
//! let alice = Principal::builder(Identity::local("alice")?, Scheme::BASIC).scopes(scopes).build();
//! let first = refresher.issue(Grant::to(&alice, alice.scopes().clone())).await?;
//!
//! // At the refresh endpoint. With a user store, grant to the user as found there now.
//! let token = refresher.verify(first.refresh().token())?;
//! let grant = || Grant::to(token.principal(), token.scopes().clone());
//! let second = refresher.refresh(&token, grant()).await?;
//! assert_ne!(second.access().id(), first.access().id());
//!
//! // Whoever comes with the same token again ends the family.
//! let error = refresher.refresh(&token, grant()).await.unwrap_err();
//! assert_eq!((error.kind(), error.reason()), (RefreshErrorKind::Refused, "refresh.reused"));
//! # Ok(())
//! # }
//! ```
//!
//! A [`RefreshError`] becomes a [`Rejection`](crate::Rejection); the token endpoint of RFC 6749 section 5.2
//! says 400 `invalid_grant` where that says 401.
//!
//! # Families
//!
//! The id of a token (`jti`) begins with its family's: 12 characters, and 9 more for the token. So a store
//! needs nothing but a token's id to tell whether its family has ended, and keeps no access tokens; and any
//! token's id is enough to [revoke](Refresher::revoke) all that belongs to it.
//!
//! Whoever manages tokens with one can give on others, revoke each alone, and all of them with the first:
//!
//! ```text
//! password ─▶ manager's family ─┬▶ child ─▶ grandchild
//!                               └▶ child
//! ```
//!
//! Each look-up follows the line upwards, in one step of the store. That is why it is short:
//! [`MOST_ANCESTORS`](Refresher::MOST_ANCESTORS).
//!
//! # Caveats
//!
//! * There is no grace: a client that refreshes twice at once, or loses the answer and tries again, has to sign
//!   in again. A time in which a used token is still good would be good for the thief, too.
//! * Without [`revocations`](crate::jwt::JwtAuthBuilder::revocations) on the verifier, access tokens of a revoked
//!   family are good until they expire.
//! * A family that begins at the moment at which all of somebody's are revoked may be one of those, or not. Where a
//!   password is replaced, look after [`issue`](Refresher::issue) whether the one that was shown is good still, in the
//!   same turn as the change takes; if not, revoke the family.
//! * With another secret, all refresh tokens are refused.

mod error;
pub(crate) mod family;
mod pair;
mod refresher;
mod store;
mod token;

pub use self::{
    error::{RefreshError, RefreshErrorKind},
    pair::Pair,
    refresher::Refresher,
    store::{Addition, RefreshFacts, RefreshStore, Rotation},
    token::RefreshToken,
};
pub use crate::store::MemoryRefreshStore;

//! Who is this request from?
//!
//! [`AuthenticateLayer`] asks its [`Authenticator`]s, and leaves a [`Principal`] in the request's
//! extensions. The rules, in the order in which they are applied:
//!
//! 1. With [`require_https`](AuthenticateLayer::require_https), a request that is not known to have
//!    come over TLS is refused: 403, without a challenge.
//! 2. With [`skip_authenticated`](AuthenticateLayer::skip_authenticated), a request that has a
//!    principal already goes onward as it is.
//! 3. With [`allow_cors_preflight`](AuthenticateLayer::allow_cors_preflight), a CORS preflight goes
//!    onward as anonymous.
//! 4. More than one `Authorization` line: 400 where a bearer scheme is offered, else 401. None of the
//!    lines is read.
//! 5. The first authenticator whose scheme was used decides. If it refuses, no other is asked.
//! 6. An `Authorization` line that no authenticator takes: 401.
//! 7. None at all: 401 — or, with [`optional`](AuthenticateLayer::optional), onward as
//!    [`Anonymous`]. A header that is wrong is refused in either mode.
//!
//! A principal that an outer layer, or a forged extension, has left is taken out first (but for rule
//! 2). Each 401 carries one `WWW-Authenticate` line for each scheme, Basic last.
//!
//! ```
//! use portcullis::{
//!     AuthenticateLayer,
//!     basic::{BasicAuth, MemoryUserStore},
//! };
//!
//! let users = MemoryUserStore::new();
//! let basic = BasicAuth::new("vault", users)?;
//! let layer = AuthenticateLayer::new(basic).optional();
//! # Ok::<_, portcullis::ConfigError>(())
//! ```
//!
//! # Writing a scheme of one's own
//!
//! ```
//! use http::header::HeaderName;
//! use portcullis::{
//!     AuthenticateLayer, Authenticator, Challenge, Head, Identity, NowOrLater, Principal, Rejection,
//!     RejectionKind, Scheme, Secret,
//! };
//!
//! struct Watchword(Secret);
//!
//! impl Authenticator for Watchword {
//!     fn scheme(&self) -> Scheme {
//!         Scheme::new("Watchword")
//!     }
//!
//!     fn authenticate(&self, head: &Head<'_>) -> Option<NowOrLater<Result<Principal, Rejection>>> {
//!         let sent = head.credentials("Watchword")?;
//!         let friend = sent.strip_prefix(b" ").is_some_and(|word| Secret::new(word) == self.0);
//!         Some(NowOrLater::now(if friend {
//!             Ok(Principal::builder(Identity::local("friend").unwrap(), self.scheme()).build())
//!         } else {
//!             Err(Rejection::new(RejectionKind::RefusedCredentials, "watchword.wrong"))
//!         }))
//!     }
//!
//!     fn challenge(&self, _refused: Option<RejectionKind>) -> Challenge {
//!         Challenge::builder("Watchword").build().unwrap()
//!     }
//! }
//!
//! let layer = AuthenticateLayer::new(Watchword(Secret::new("swordfish")));
//! ```

mod layer;
pub(crate) mod options;
pub(crate) mod schemes;
mod service;

pub use self::{layer::AuthenticateLayer, service::Authenticate};

use std::sync::Arc;

use http::HeaderValue;

use crate::{Challenge, Head, NowOrLater, Principal, Rejection, RejectionKind, Scheme};

/// One way to prove who a request is from.
///
/// # Implementer notes
///
/// * Return `None` only if the request does not use the scheme at all. Credentials of the scheme that
///   are malformed or wrong are a [`Rejection`].
/// * All answers of one [`RejectionKind`] look the same to the caller. See to it that they also cost
///   the same: an unknown user and a wrong password do the same work.
/// * A store that cannot answer is [`Rejection::unavailable`]; never a yes, never a wrong password.
/// * The challenges of a refusal come from [`challenge`](Self::challenge); do not add your own.
pub trait Authenticator: Send + Sync + 'static {
    /// The scheme. Two authenticators of one layer may not share it.
    fn scheme(&self) -> Scheme;

    /// Judges the credentials in the head of a request.
    ///
    /// # Errors
    ///
    /// Whatever is not a yes: malformed, refused, throttled, or a store that cannot answer.
    fn authenticate(&self, head: &Head<'_>) -> Option<NowOrLater<Result<Principal, Rejection>>>;

    /// What to send along with a 401: for the scheme that refused, with the kind of its refusal; for
    /// a scheme that is merely offered, with `None`.
    fn challenge(&self, refused: Option<RejectionKind>) -> Challenge;
}

/// Left in the request's extensions instead of a [`Principal`] where authentication is optional and
/// no credentials were sent. An [`AuthorizeLayer`](crate::AuthorizeLayer) that needs a principal
/// answers 401 with the challenges that this holds.
#[derive(Clone, Debug)]
pub struct Anonymous {
    challenges: Arc<[HeaderValue]>,
}

impl Anonymous {
    pub(crate) fn new(challenges: Arc<[HeaderValue]>) -> Self {
        Self { challenges }
    }

    /// The refusal of a request that should not have been anonymous.
    pub(crate) fn refusal(&self, reason: &'static str) -> Rejection {
        let mut rejection = Rejection::new(RejectionKind::MissingCredentials, reason);
        rejection.replace_challenges(self.challenges.clone());
        rejection
    }
}

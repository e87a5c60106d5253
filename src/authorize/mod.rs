//! May this principal do this?
//!
//! [`AuthorizeLayer`] asks a [`Policy`] about the [`Principal`] that an authenticating layer outside
//! has left. The rules, in the order in which they are applied:
//!
//! 1. What the policy opens to everybody ([`Policy::is_open`]) goes onward, with or without a
//!    principal.
//! 2. With [`allow_cors_preflight`](AuthorizeLayer::allow_cors_preflight), so does a CORS preflight.
//! 3. An [`Anonymous`](crate::Anonymous) request is refused: 401, with the challenges of the layer
//!    that let it through.
//! 4. A request with neither is a mistake in how the layers are put together: 500, and an error in
//!    the log that says what to do. The authenticating layer belongs *outside*.
//! 5. The policy decides: onward, or 403; 404 when it hides; 503 when its store cannot answer.
//!
//! ```
//! use portcullis::{AuthorizeLayer, Scope, ScopePolicy};
//!
//! let send = AuthorizeLayer::new(ScopePolicy::from(Scope::from_static("messages:send")));
//! ```
//!
//! A [`ScopeTable`] is the policy of a whole service: what each route needs, or each gRPC method.
//! Policies are combined with [`all`] and [`any`]; [`from_fn`] makes one from a function.
//!
//! ```
//! use portcullis::{AuthorizeLayer, Scheme, Scope, ScopePolicy, authorize};
//!
//! let not_by_password = authorize::from_fn(|principal, _| principal.scheme() != Scheme::BASIC);
//! let layer = AuthorizeLayer::new(authorize::all([
//!     authorize::shared(not_by_password),
//!     authorize::shared(ScopePolicy::from(Scope::from_static("tokens:manage"))),
//! ]));
//! ```

mod combine;
mod layer;
mod scopes;
mod service;
pub mod table;

pub use self::{
    combine::{All, Any, FromFn, SharedPolicy, all, any, from_fn, shared},
    layer::AuthorizeLayer,
    scopes::ScopePolicy,
    service::Authorize,
    table::{Requirement, ScopeTable},
};

#[cfg(feature = "axum")]
pub(crate) use self::layer::no_principal;

use std::fmt;

use http::Extensions;

#[cfg(feature = "ownership")]
use crate::ownership::OwnedResource;
use crate::{Head, NowOrLater, Principal, Rejection};

/// Decides what a principal may do.
///
/// # Implementer notes
///
/// * What is not allowed is refused; there is no "don't know" that lets through.
/// * A store that cannot answer is [`Rejection::unavailable`], never a no and never a yes.
/// * `authorize` is asked of every policy of an [`all`] or an [`any`], also when another one will decide.
///   What changes something belongs into the future, which is polled only when its turn has come.
/// * Take what is needed from the head before waiting: a future of [`NowOrLater::later`] owns what it
///   needs.
pub trait Policy: Send + Sync + 'static {
    /// Whether everybody may do this, even without a principal. Asked first; nothing is open unless
    /// a policy says so.
    fn is_open(&self, head: &Head<'_>) -> bool {
        let _ = head;
        false
    }

    /// Decides over a request that is not open.
    ///
    /// # Errors
    ///
    /// Whatever is not a yes: forbidden, hidden, or a store that cannot answer.
    fn authorize(
        &self,
        principal: &Principal,
        head: &Head<'_>,
    ) -> NowOrLater<Result<Permit, Rejection>>;
}

/// The proof that a policy has said yes, with what it leaves for the handler.
#[derive(Clone, Default)]
pub struct Permit {
    left: Extensions,
    /// Apart from the rest, because a map for one value is three allocations.
    #[cfg(feature = "ownership")]
    owned: Option<OwnedResource>,
}

impl Permit {
    /// Yes.
    pub fn granted() -> Self {
        Self::default()
    }

    /// Leaves a value in the request's extensions.
    pub fn with<T: Clone + Send + Sync + 'static>(mut self, value: T) -> Self {
        self.left.insert(value);
        self
    }

    #[cfg(feature = "ownership")]
    pub(crate) fn of_owned(owned: OwnedResource) -> Self {
        Self { owned: Some(owned), ..Self::default() }
    }

    /// Whether the yes is all.
    pub(crate) fn leaves_nothing(&self) -> bool {
        #[cfg(feature = "ownership")]
        if self.owned.is_some() {
            return false;
        }
        self.left.is_empty()
    }

    /// Yes to both.
    pub(crate) fn and(mut self, other: Self) -> Self {
        self.left.extend(other.left);
        #[cfg(feature = "ownership")]
        if other.owned.is_some() {
            self.owned = other.owned;
        }
        self
    }

    pub(crate) fn leave(self, extensions: &mut Extensions) {
        extensions.extend(self.left);
        #[cfg(feature = "ownership")]
        if let Some(owned) = self.owned {
            extensions.insert(owned);
        }
    }
}

impl fmt::Debug for Permit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Permit").finish_non_exhaustive()
    }
}

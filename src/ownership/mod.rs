//! Only the owner of a resource may write it.
//!
//! The rules, in the order in which they are applied:
//!
//! 1. Safe methods (`GET`, `HEAD`, `OPTIONS`, `TRACE`: RFC 9110 section 9.2.1) are open to everybody,
//!    with or without a principal. Every other method, known or not, is a write.
//! 2. A write needs a principal: an [`Anonymous`](crate::Anonymous) one is asked for credentials
//!    (401); where no layer has authenticated, that is a mistake in the stack (500).
//! 3. The path is matched, as the layer sees it, against the [`ResourcePath`]s. A write that none of
//!    them matches is refused (403), and reported in the log. The parameter is percent-decoded once,
//!    and [normalized](ResourcePath::normalized_by); what is no id then is a 400.
//! 4. The owner is looked up. A store that cannot answer: 503.
//! 5. The owner passes. Somebody else is refused: 403, or 404 with [`hide`](Ownership::hide).
//! 6. Nobody's: where the path [may create](ResourcePath::created_by), the principal claims it, in one
//!    atomic step; otherwise 404.
//!
//! The handler finds an [`OwnedResource`] in the request's extensions.
//!
//! ```
//! use http::Method;
//! use portcullis::{
//!     OwnershipLayer,
//!     ownership::{MemoryOwnershipStore, Ownership, ResourcePath},
//! };
//!
//! let owners = MemoryOwnershipStore::new();
//! let layer = OwnershipLayer::new(Ownership::new(
//!     owners,
//!     [
//!         ResourcePath::new("group", "/{group}", "group")?.created_by(Method::PUT),
//!         ResourcePath::new("group", "/{group}/services/{document}", "group")?,
//!     ],
//! )?);
//! # Ok::<_, portcullis::ConfigError>(())
//! ```
//!
//! With the existence of other people's resources hidden, and together with another policy:
//!
//! ```
//! # use portcullis::ownership::{MemoryOwnershipStore, Ownership, ResourcePath};
//! use portcullis::{AuthorizeLayer, Scope, ScopePolicy, authorize};
//!
//! let own = Ownership::new(MemoryOwnershipStore::new(), [ResourcePath::new("note", "/notes/{id}", "id")?])?;
//! let layer = AuthorizeLayer::new(authorize::all([
//!     authorize::shared(ScopePolicy::from(Scope::from_static("notes:write"))),
//!     authorize::shared(own.hide()),
//! ]));
//! # Ok::<_, portcullis::ConfigError>(())
//! ```
//!
//! # Caveats
//!
//! * The id in the *path* is what is owned, in the one spelling that [`OwnedResource`] holds: take it from
//!   there. A handler that takes another id from the body must compare the two.
//! * A claim is made when its turn comes: in [`all`](crate::authorize::all), put the ownership last.
//! * A claim stays when the handler then fails: [`OwnedResource::is_new`] tells it to give the claim back.
//!   It also stays when an extractor refuses before the handler runs, or the caller hangs up; the example
//!   server runs handlers of new resources in a task of their own for that.

mod layer;
mod policy;
mod resource;
mod store;

pub use self::{
    layer::OwnershipLayer,
    policy::{OwnedResource, Ownership},
    resource::{Resource, ResourcePath, integer, uuid},
    store::{Claim, Owner, OwnershipAdmin, OwnershipStore},
};
pub use crate::store::MemoryOwnershipStore;

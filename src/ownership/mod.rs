//! Only the owner of a resource may write it.
//!
//! The rules, in the order in which they are applied:
//!
//! 1. Safe methods (`GET`, `HEAD`, `OPTIONS`, `TRACE`: RFC 9110 section 9.2.1) are open to everybody,
//!    with or without a principal; with [`private`](Ownership::private), none is. Every other method,
//!    known or not, is a write.
//! 2. A write needs a principal: an [`Anonymous`](crate::Anonymous) one is asked for credentials
//!    (401); where no layer has authenticated, that is a mistake in the stack (500).
//! 3. The path is matched, as the layer sees it, against the [`ResourcePath`]s. A write that none of
//!    them matches is refused (403, or 404 with [`hide`](Ownership::hide)), and reported in the log. The parameter is percent-decoded once,
//!    and [normalized](ResourcePath::normalized_by); what is no id then, or has more than 1,024 bytes, is
//!    a 400. Within axum, a path that is not what the client has sent is refused in the same way: see
//!    [below](#whose-ids).
//! 4. The owner is looked up. A store that cannot answer: 503.
//! 5. The owner passes: the principal whose issuer and subject are the owner's, byte for byte.
//! 6. So does a [member](Ownership::members) of an owner that is a group; and who holds the
//!    [override scope](Ownership::override_scope), which is logged with the resource and its owner. Neither is there unless it is set.
//! 7. Somebody else is refused: 403, or 404 with [`hide`](Ownership::hide).
//! 8. Nobody's: where the path [may create](ResourcePath::created_by), the principal claims it, in one
//!    atomic step; otherwise 404.
//!
//! The handler of a request that was let through by rules 5 to 8 finds an [`OwnedResource`] in the
//! request's extensions. To open methods the layer leaves nothing, so that reading costs nothing: their
//! handlers ask [`Ownership::target`] and the store, if they want to know.
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
//! Who may write is known from an authenticating layer outside, which has to be optional, or who only reads is asked for
//! credentials, too:
//!
//! ```
//! # use portcullis::{basic::{BasicAuth, MemoryUserStore}, ownership::{MemoryOwnershipStore, Ownership, ResourcePath}};
//! use portcullis::{AuthenticateLayer, OwnershipLayer};
//! use tower::ServiceBuilder;
//!
//! # let basic = BasicAuth::new("vault", MemoryUserStore::new())?;
//! # let own = Ownership::new(MemoryOwnershipStore::new(), [ResourcePath::new("note", "/notes/{id}", "id")?])?;
//! let layers = ServiceBuilder::new()
//!     .layer(AuthenticateLayer::new(basic).optional())
//!     .layer(OwnershipLayer::new(own));
//! # Ok::<_, portcullis::ConfigError>(())
//! ```
//!
//! With the existence of other people's resources hidden, an override for administrators, and together
//! with another policy:
//!
//! ```
//! # use portcullis::ownership::{MemoryOwnershipStore, Ownership, ResourcePath};
//! use portcullis::{AuthorizeLayer, Scope, ScopePolicy, authorize};
//!
//! let own = Ownership::new(MemoryOwnershipStore::new(), [ResourcePath::new("note", "/notes/{id}", "id")?])?
//!     .private()
//!     .hide()
//!     .override_scope(Scope::from_static("notes:admin"));
//! let layer = AuthorizeLayer::new(authorize::all([
//!     authorize::shared(ScopePolicy::from(Scope::from_static("notes:write"))),
//!     authorize::shared(own),
//! ]));
//! # Ok::<_, portcullis::ConfigError>(())
//! ```
//!
//! # Whose ids
//!
//! * Within axum, `Ownership::of_routes` (feature `axum`) takes the pattern and the parameter from the router
//!   that has matched the request, so that there is no second matching that could differ.
//! * With [`Ownership::new`], it can differ inside of `Router::nest`: of `/files//a`, a layer sees `/a`, but the
//!   router has found `/files/{*path}` with the path `/a`. So with the feature `axum`, a request is refused
//!   whose prefix has lost a slash, or whose path was rewritten inside of a router. Without the feature, put
//!   the layer outside of the nest.
//! * [`Ownership::from_fn`] takes the resource from anything else in the head. What it makes of a path is not
//!   checked so.
//! * Where ids are unique for a tenant alone, the [tenant](ResourcePath::tenant) is a part of the id.
//!
//! # Groups, and several owners
//!
//! A resource has one owner, and that may be a group: its members are who [`Membership`] says. For several
//! owners, give the resource to a group of them. What a member claims is the member's own, until it is
//! [transferred](OwnershipAdmin::transfer) to the group.
//!
//! # Writing on condition
//!
//! Between the decision and the write, the owner may have changed. The handler can close the gap: it writes
//! only if the [version](OwnedResource::version) is still the one that was judged. Each claim and each transfer
//! has another version.
//!
//! ```
//! # use portcullis::{Identity, ownership::{MemoryOwnershipStore, OwnedResource, OwnershipStore}};
//! # struct Database;
//! # impl Database { async fn execute(&self, _: &str, _: (&str, &str, &str, i64)) -> usize { 1 } }
//! async fn write(database: &Database, owned: &OwnedResource, text: &str) -> Result<(), &'static str> {
//!     let changed = database.execute(
//!         "UPDATE notes SET text = ?1 WHERE id = ?2 AND EXISTS \
//!          (SELECT 1 FROM owners WHERE kind = ?3 AND id = ?2 AND version = ?4)",
//!         (text, owned.resource().id(), owned.resource().kind(), owned.version().cast_signed()),
//!     );
//!     if changed.await == 1 { Ok(()) } else { Err("409 Conflict: it has changed hands") }
//! }
//! ```
//!
//! # Caveats
//!
//! * The id in the *path* is what is owned, in the one spelling that [`OwnedResource`] holds: take it from
//!   there. A handler that finds an id in the body, too, compares the two, normalized alike, and refuses
//!   with 400 when they differ; a body with several ids needs a look at the owner of each.
//! * [`hide`](Ownership::hide) hides nothing from who may create: of what is free, a creating method makes the caller
//!   the owner, and of what is somebody else's it does not. Whether an id is taken is to be learnt so, as in any space
//!   of names that people share.
//! * A claim is made when its turn comes: in [`all`](crate::authorize::all), put the ownership last.
//! * A claim stays when the handler then fails: [`OwnedResource::is_new`] tells it to
//!   [give the claim back](OwnershipAdmin::release). It also stays when an extractor refuses before the
//!   handler runs, or the caller hangs up; the example server runs handlers of new resources in a task of
//!   their own for that.
//! * The subject decides, and not who acts for it: of a JWT it is `sub`, whatever `act` (RFC 8693 section
//!   4.1) says.
//! * Each request asks the store: an answer that is kept goes on to let in who has given a resource away.

mod id;
mod layer;
mod membership;
mod owned;
mod path;
mod policy;
mod resource;
mod source;
mod store;

pub use self::{
    layer::OwnershipLayer,
    membership::Membership,
    owned::OwnedResource,
    path::{ResourcePath, integer, uuid},
    policy::Ownership,
    resource::{Resource, Target},
    store::{Claim, Owner, OwnershipAdmin, OwnershipStore},
};
pub use crate::store::MemoryOwnershipStore;

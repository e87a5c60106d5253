use std::{fmt, sync::Arc};

use super::{
    Claim, Membership, OwnedResource, Owner, OwnershipStore, Resource, ResourcePath, Target,
    owned::Grounds,
    source::{ResourcePaths, Source},
};
use crate::{
    ConfigError, Head, NowOrLater, Permit, Policy, Principal, Rejection, RejectionKind, Scope,
    StoreError,
};

/// The [`Policy`] that only owners write. See the [module docs](crate::ownership) for the rules.
#[derive(Clone)]
pub struct Ownership(Arc<Parts>);

#[derive(Clone)]
struct Parts {
    source: Source,
    owners: Arc<dyn OwnershipStore>,
    members: Option<Arc<dyn Membership>>,
    override_scope: Option<Scope>,
    private: bool,
    hides: bool,
}

type Answer = NowOrLater<Result<Permit, Rejection>>;

impl Ownership {
    /// Owners from this store, of what these paths name.
    ///
    /// # Errors
    ///
    /// When there is no path, when two of them cannot be told apart, or when one of a kind has a
    /// [tenant](ResourcePath::tenant) and another has none.
    pub fn new(
        owners: impl OwnershipStore,
        paths: impl IntoIterator<Item = ResourcePath>,
    ) -> Result<Self, ConfigError> {
        Ok(Self::of(owners, Source::Paths(Arc::new(ResourcePaths::new(paths)?))))
    }

    /// As [`new`](Self::new), but nothing is matched a second time: the route is the one that axum's router
    /// has matched, and the id is the parameter that it has found, so that a handler's
    /// [`Path`](axum::extract::Path) is what was judged.
    ///
    /// The patterns are those of [`MatchedPath`](axum::extract::MatchedPath): whole ones, with the prefixes
    /// of all nests. The layer belongs inside of the router, by `Router::layer` or `route_layer`. For a
    /// policy in an [`AuthorizeLayer`](crate::AuthorizeLayer), switch on
    /// [`matched_routes`](crate::AuthorizeLayer::matched_routes).
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    #[cfg(feature = "axum")]
    pub fn of_routes(
        owners: impl OwnershipStore,
        paths: impl IntoIterator<Item = ResourcePath>,
    ) -> Result<Self, ConfigError> {
        Ok(Self::of(owners, Source::Routes(Arc::new(ResourcePaths::new(paths)?))))
    }

    /// Owners from this store, of what this function finds in a request's head. Where it finds nothing, the
    /// request is refused.
    pub fn from_fn<F>(owners: impl OwnershipStore, find: F) -> Self
    where
        F: Fn(&Head<'_>) -> Option<Target> + Send + Sync + 'static,
    {
        Self::of(owners, Source::Function(Arc::new(find)))
    }

    fn of(owners: impl OwnershipStore, source: Source) -> Self {
        Self(Arc::new(Parts {
            source,
            owners: Arc::new(owners),
            members: None,
            override_scope: None,
            private: false,
            hides: false,
        }))
    }

    /// Answers 404 instead of 403, so that nobody learns what exists (RFC 9110 section 15.5.4): of what is somebody
    /// else's, and of a path that nothing matches.
    ///
    /// A method that [creates](ResourcePath::created_by) tells it nevertheless: what is free becomes the caller's, and
    /// what is somebody else's does not. Where that matters, let the server choose the ids (`POST` to the collection).
    pub fn hide(mut self) -> Self {
        self.parts().hides = true;
        self
    }

    /// Lets only the owner read, too: no method is open.
    pub fn private(mut self) -> Self {
        self.parts().private = true;
        self
    }

    /// Lets through the members of an owner that is a group.
    pub fn members(mut self, membership: impl Membership) -> Self {
        self.parts().members = Some(Arc::new(membership));
        self
    }

    /// Lets whoever holds this scope write what somebody else owns, and logs it as a warning: who it was, which
    /// resource (of its id, the first 128 characters), and whose. What is nobody's stays under the ordinary rules.
    ///
    /// It is this scope alone: [`Scope::ALL_ANY`] overrides nothing, unless it is the one that is given.
    pub fn override_scope(mut self, scope: Scope) -> Self {
        self.parts().override_scope = Some(scope);
        self
    }

    /// What this request is about, by the rules of this policy: for a handler whose method is open, to which
    /// the layer leaves nothing.
    ///
    /// # Errors
    ///
    /// As the layer: 403 where nothing is found (404 with [`hide`](Self::hide)), 400 where that is no id.
    pub fn target(&self, head: &Head<'_>) -> Result<Target, Rejection> {
        #[cfg(feature = "axum")]
        if self.is_of_routes() && head.route().is_none() {
            return self.0.find(&head.with_matched_route());
        }
        self.0.find(head)
    }

    #[cfg(feature = "axum")]
    pub(super) fn is_of_routes(&self) -> bool {
        matches!(self.0.source, Source::Routes(_))
    }

    fn parts(&mut self) -> &mut Parts {
        Arc::make_mut(&mut self.0)
    }
}

impl Policy for Ownership {
    fn is_open(&self, head: &Head<'_>) -> bool {
        !self.0.private && super::path::is_safe(head.method())
    }

    fn authorize(&self, principal: &Principal, head: &Head<'_>) -> Answer {
        let target = match self.0.find(head) {
            Ok(target) => target,
            Err(rejection) => return NowOrLater::now(Err(rejection)),
        };
        match self.0.owners.owner(target.resource()).into_now() {
            Ok(owner) => self.0.judge(principal, target, owner),
            Err(later) => {
                let (parts, principal) = (self.0.clone(), principal.clone());
                NowOrLater::later(async move {
                    let owner = later.await;
                    parts.judge(&principal, target, owner).await
                })
            }
        }
    }
}

impl Parts {
    fn find(&self, head: &Head<'_>) -> Result<Target, Rejection> {
        self.source.find(head).map_err(|rejection| match rejection.kind() {
            RejectionKind::Forbidden if self.hides => rejection.told_as(RejectionKind::NotFound),
            _ => rejection,
        })
    }

    fn judge(
        self: &Arc<Self>,
        principal: &Principal,
        target: Target,
        owner: Result<Option<Owner>, StoreError>,
    ) -> Answer {
        match owner {
            Err(error) => NowOrLater::now(Err(unavailable(error))),
            Ok(Some(owner)) => self.judge_owned(principal, target.into_resource(), owner),
            Ok(None) if target.creates() => self.claim(principal, target.into_resource()),
            Ok(None) => self.refuse_missing(principal),
        }
    }

    fn judge_owned(
        self: &Arc<Self>,
        principal: &Principal,
        resource: Resource,
        owner: Owner,
    ) -> Answer {
        if owner.identity() == principal.identity() {
            return grant(resource, owner, Grounds::Owner);
        }
        let Some(members) = &self.members else {
            return self.judge_foreign(principal, resource, owner);
        };
        let is_member = members.is_member(principal, owner.identity());
        let (parts, principal) = (self.clone(), principal.clone());
        is_member.then(move |is_member| match is_member {
            Err(error) => NowOrLater::now(Err(unavailable(error))),
            Ok(true) => grant(resource, owner, Grounds::Member),
            Ok(false) => parts.judge_foreign(&principal, resource, owner),
        })
    }

    /// Of what is somebody else's.
    fn judge_foreign(&self, principal: &Principal, resource: Resource, owner: Owner) -> Answer {
        if self.override_scope.as_ref().is_some_and(|scope| principal.scopes().contains(scope)) {
            // In their debug form: what a stranger has chosen breaks no line.
            tracing::warn!(
                reason = "ownership.override",
                issuer = ?principal.issuer(),
                subject = ?principal.subject(),
                kind = ?resource.kind(),
                id = ?resource.id_for_the_log(),
                owner_issuer = ?owner.identity().issuer(),
                owner_subject = ?owner.identity().subject(),
                "let through to what somebody else owns"
            );
            return grant(resource, owner, Grounds::Override);
        }
        let kind = if self.hides { RejectionKind::NotFound } else { RejectionKind::Forbidden };
        NowOrLater::now(Err(Rejection::new(kind, "ownership.not_owner")))
    }

    /// The claim is made when its turn has come: another policy may refuse before.
    fn claim(self: &Arc<Self>, principal: &Principal, resource: Resource) -> Answer {
        let (parts, principal) = (self.clone(), principal.clone());
        NowOrLater::later(async move {
            match parts.owners.claim(&resource, principal.identity()).await.map_err(unavailable)? {
                Claim::Claimed(owner) => grant(resource, owner, Grounds::Claim).await,
                Claim::Owned(owner) => parts.judge_owned(&principal, resource, owner).await,
            }
        })
    }

    fn refuse_missing(&self, principal: &Principal) -> Answer {
        let missing = || Err(Rejection::new(RejectionKind::NotFound, "ownership.unknown"));
        match &self.members {
            // As much work as for what is somebody else's, or its time would tell.
            Some(members) if self.hides => members
                .is_member(principal, principal.identity())
                .map(move |is_member| is_member.map_err(unavailable).and_then(|_| missing())),
            _ => NowOrLater::now(missing()),
        }
    }
}

fn grant(resource: Resource, owner: Owner, grounds: Grounds) -> Answer {
    let owned = OwnedResource::new(resource, owner, grounds);
    NowOrLater::now(Ok(Permit::of_owned(owned)))
}

fn unavailable(error: StoreError) -> Rejection {
    Rejection::unavailable("ownership.store", error)
}

impl fmt::Debug for Ownership {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ownership")
            .field("hides", &self.0.hides)
            .field("private", &self.0.private)
            .field("override_scope", &self.0.override_scope)
            .finish_non_exhaustive()
    }
}

use std::{fmt, sync::Arc};

use super::{Permit, Policy};
use crate::{Head, NowOrLater, Principal, Rejection, RejectionKind};

/// A policy of any type.
pub type BoxPolicy = Arc<dyn Policy>;

/// Hides a policy's type, so that different ones fit one list.
pub fn boxed(policy: impl Policy) -> BoxPolicy {
    Arc::new(policy)
}

impl<P: Policy + ?Sized> Policy for Arc<P> {
    fn is_open(&self, head: &Head<'_>) -> bool {
        (**self).is_open(head)
    }

    fn authorize(
        &self,
        principal: &Principal,
        head: &Head<'_>,
    ) -> NowOrLater<Result<Permit, Rejection>> {
        (**self).authorize(principal, head)
    }
}

/// Yes where each policy says yes. The first refusal is the answer. Of no policies: no.
pub fn all<P: Policy>(policies: impl IntoIterator<Item = P>) -> All<P> {
    All(policies.into_iter().collect())
}

/// The policy of [`all`].
#[derive(Clone)]
pub struct All<P>(Vec<P>);

impl<P: Policy> Policy for All<P> {
    /// Open where each policy is open.
    fn is_open(&self, head: &Head<'_>) -> bool {
        !self.0.is_empty() && self.0.iter().all(|policy| policy.is_open(head))
    }

    fn authorize(
        &self,
        principal: &Principal,
        head: &Head<'_>,
    ) -> NowOrLater<Result<Permit, Rejection>> {
        let Some((first, rest)) = self.0.split_first() else {
            return NowOrLater::now(Err(Rejection::new(RejectionKind::Forbidden, "policy.none")));
        };
        let ask = |policy: &P| {
            if policy.is_open(head) {
                NowOrLater::now(Ok(Permit::granted()))
            } else {
                policy.authorize(principal, head)
            }
        };
        rest.iter().fold(ask(first), |sofar, policy| match sofar.into_now() {
            Ok(Err(rejection)) => NowOrLater::now(Err(rejection)),
            Ok(Ok(permit)) => ask(policy).map(|next| next.map(|next| permit.and(next))),
            Err(later) => {
                let next = ask(policy);
                later.then(|result| match result {
                    Ok(permit) => next.map(|next| next.map(|next| permit.and(next))),
                    Err(rejection) => NowOrLater::now(Err(rejection)),
                })
            }
        })
    }
}

/// Yes where one policy says yes. If none does, the last refusal is the answer — but a 503 of any of
/// them goes first, since it might have been a yes. Of no policies: no.
pub fn any<P: Policy>(policies: impl IntoIterator<Item = P>) -> Any<P> {
    Any(policies.into_iter().collect())
}

/// The policy of [`any`].
#[derive(Clone)]
pub struct Any<P>(Vec<P>);

impl<P: Policy> Policy for Any<P> {
    /// Open where one policy is open.
    fn is_open(&self, head: &Head<'_>) -> bool {
        self.0.iter().any(|policy| policy.is_open(head))
    }

    fn authorize(
        &self,
        principal: &Principal,
        head: &Head<'_>,
    ) -> NowOrLater<Result<Permit, Rejection>> {
        let none = Err(Rejection::new(RejectionKind::Forbidden, "policy.none"));
        self.0.iter().fold(NowOrLater::now(none), |sofar, policy| match sofar.into_now() {
            Ok(Ok(permit)) => NowOrLater::now(Ok(permit)),
            Ok(Err(rejection)) => policy.authorize(principal, head).map(|next| weigh(rejection, next)),
            Err(later) => {
                let next = policy.authorize(principal, head);
                later.then(|result| match result {
                    Ok(permit) => NowOrLater::now(Ok(permit)),
                    Err(rejection) => next.map(|next| weigh(rejection, next)),
                })
            }
        })
    }
}

fn weigh(earlier: Rejection, next: Result<Permit, Rejection>) -> Result<Permit, Rejection> {
    next.map_err(|later| match earlier.kind() {
        RejectionKind::Unavailable => earlier,
        _ => later,
    })
}

/// A policy from a function that says whether the principal may; 403 if not.
pub fn from_fn<F>(allows: F) -> FromFn<F>
where
    F: Fn(&Principal, &Head<'_>) -> bool + Send + Sync + 'static,
{
    FromFn(allows)
}

/// The policy of [`from_fn`].
#[derive(Clone, Copy)]
pub struct FromFn<F>(F);

impl<F> Policy for FromFn<F>
where
    F: Fn(&Principal, &Head<'_>) -> bool + Send + Sync + 'static,
{
    fn authorize(
        &self,
        principal: &Principal,
        head: &Head<'_>,
    ) -> NowOrLater<Result<Permit, Rejection>> {
        NowOrLater::now(if (self.0)(principal, head) {
            Ok(Permit::granted())
        } else {
            Err(Rejection::new(RejectionKind::Forbidden, "policy.denied"))
        })
    }
}

impl<P> fmt::Debug for All<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "All({} policies)", self.0.len())
    }
}

impl<P> fmt::Debug for Any<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Any({} policies)", self.0.len())
    }
}

impl<F> fmt::Debug for FromFn<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FromFn")
    }
}

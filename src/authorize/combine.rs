use std::{fmt, sync::Arc};

use super::{Permit, Policy};
use crate::{Head, NowOrLater, Principal, Rejection, RejectionKind};

/// A policy of any type. A clone is the same policy.
pub type SharedPolicy = Arc<dyn Policy>;

/// Hides a policy's type, so that different ones fit one list.
pub fn shared(policy: impl Policy) -> SharedPolicy {
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

/// Yes where each policy says yes. Of no policies: no.
///
/// It is open to everybody where each policy is; a policy that is open on its own is met. A refusal that is
/// there now is the answer, before anything is waited for; then the first one that comes.
pub fn all<P: Policy>(policies: impl IntoIterator<Item = P>) -> All<P> {
    All(policies.into_iter().collect())
}

/// The policy of [`all`].
#[derive(Clone)]
pub struct All<P>(Vec<P>);

impl<P: Policy> Policy for All<P> {
    fn is_open(&self, head: &Head<'_>) -> bool {
        all_are_open(&self.0, head)
    }

    fn authorize(
        &self,
        principal: &Principal,
        head: &Head<'_>,
    ) -> NowOrLater<Result<Permit, Rejection>> {
        if self.0.is_empty() {
            return NowOrLater::now(Err(no_policy()));
        }
        let mut permit = Permit::granted();
        let mut waiting = Vec::new();
        for policy in self.0.iter().filter(|policy| !policy.is_open(head)) {
            match policy.authorize(principal, head).into_now() {
                Ok(Ok(granted)) => permit = permit.and(granted),
                Ok(Err(rejection)) => return NowOrLater::now(Err(rejection)),
                Err(later) => waiting.push(later),
            }
        }
        if waiting.is_empty() {
            return NowOrLater::now(Ok(permit));
        }
        NowOrLater::later(async move {
            for later in waiting {
                permit = permit.and(later.await?);
            }
            Ok(permit)
        })
    }
}

/// Yes where one policy says yes. Of no policies: no.
///
/// It is open to everybody only where each policy is: who is an owner *or* an administrator is somebody,
/// for reading, too. A yes that is there now is the answer, before anything is waited for. If all refuse,
/// the last refusal is the answer; but a 503 goes first, since it might have been a yes, and a mistake in how the
/// layers are put together, so that it is not overlooked.
pub fn any<P: Policy>(policies: impl IntoIterator<Item = P>) -> Any<P> {
    Any(policies.into_iter().collect())
}

/// The policy of [`any`].
#[derive(Clone)]
pub struct Any<P>(Vec<P>);

impl<P: Policy> Policy for Any<P> {
    fn is_open(&self, head: &Head<'_>) -> bool {
        all_are_open(&self.0, head)
    }

    fn authorize(
        &self,
        principal: &Principal,
        head: &Head<'_>,
    ) -> NowOrLater<Result<Permit, Rejection>> {
        let mut refusal = no_policy();
        let mut waiting = Vec::new();
        for policy in &self.0 {
            match policy.authorize(principal, head).into_now() {
                Ok(Ok(permit)) => return NowOrLater::now(Ok(permit)),
                Ok(Err(rejection)) => refusal = weightier(refusal, rejection),
                Err(later) => waiting.push(later),
            }
        }
        if waiting.is_empty() {
            return NowOrLater::now(Err(refusal));
        }
        NowOrLater::later(async move {
            for later in waiting {
                match later.await {
                    Ok(permit) => return Ok(permit),
                    Err(rejection) => refusal = weightier(refusal, rejection),
                }
            }
            Err(refusal)
        })
    }
}

/// Of no policies: no.
fn all_are_open(policies: &[impl Policy], head: &Head<'_>) -> bool {
    !policies.is_empty() && policies.iter().all(|policy| policy.is_open(head))
}

fn weightier(earlier: Rejection, later: Rejection) -> Rejection {
    let weighs = matches!(earlier.kind(), RejectionKind::Unavailable | RejectionKind::Misconfigured);
    if weighs { earlier } else { later }
}

fn no_policy() -> Rejection {
    Rejection::new(RejectionKind::Forbidden, "policy.none")
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
            Err(Rejection::new(RejectionKind::Forbidden, "policy.refused"))
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

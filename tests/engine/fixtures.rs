//! Authenticators and policies whose answers a test chooses.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use portcullis::{
    Authenticator, Challenge, Head, Identity, NowOrLater, Permit, Policy, Principal, Rejection,
    RejectionKind, Scheme, ScopeSet, StoreError,
};

pub(crate) const BEARER: Spelling = Spelling("Bearer");
pub(crate) const BASIC: Spelling = Spelling("Basic");
pub(crate) const WATCHWORD: Spelling = Spelling("Watchword");

/// The name of a scheme, as the layer is told it.
#[derive(Clone, Copy)]
pub(crate) struct Spelling(pub(crate) &'static str);

/// When an answer is there.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum When {
    Now,
    Later,
}

pub(crate) const EITHER: [When; 2] = [When::Now, When::Later];

impl When {
    pub(crate) fn answer<T: Send + 'static>(self, answer: T) -> NowOrLater<T> {
        match self {
            Self::Now => NowOrLater::now(answer),
            Self::Later => NowOrLater::later(async {
                tokio::task::yield_now().await;
                answer
            }),
        }
    }
}

/// A scheme in which a caller says a word: `alice`, `bob` and `carol` are believed, and what any other
/// word gets is in [`refusal`].
#[derive(Clone)]
pub(crate) struct Spoken {
    scheme: Scheme,
    when: When,
    asked: Arc<AtomicUsize>,
}

impl Spoken {
    pub(crate) fn new(scheme: Spelling, when: When) -> Self {
        Self { scheme: Scheme::new(scheme.0), when, asked: Arc::default() }
    }

    /// How often it has judged credentials of its scheme.
    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

impl Authenticator for Spoken {
    fn scheme(&self) -> Scheme {
        self.scheme
    }

    fn authenticate(&self, head: &Head<'_>) -> Option<NowOrLater<Result<Principal, Rejection>>> {
        let sent = head.credentials(self.scheme.as_str())?;
        self.asked.fetch_add(1, Ordering::SeqCst);
        let word = sent.strip_prefix(b" ").and_then(|word| std::str::from_utf8(word).ok());
        Some(self.when.answer(match word {
            Some("alice" | "bob" | "carol") => Ok(principal(word.unwrap(), self.scheme, "")),
            other => Err(refusal(other)),
        }))
    }

    fn challenge(&self, refused: Option<RejectionKind>) -> Challenge {
        let challenge = Challenge::builder(self.scheme.as_str()).param("realm", "test");
        match refused.and_then(RejectionKind::oauth_error) {
            Some(error) if self.scheme == Scheme::BEARER => challenge.param("error", error),
            _ => challenge,
        }
        .build()
        .unwrap()
    }
}

/// What a word that is not believed gets.
fn refusal(word: Option<&str>) -> Rejection {
    match word {
        None => Rejection::new(RejectionKind::MalformedCredentials, "spoken.malformed"),
        Some("twice") => Rejection::new(RejectionKind::InvalidRequest, "spoken.twice"),
        Some("busy") => Rejection::new(RejectionKind::Throttled, "spoken.busy")
            .retry_in(Duration::from_millis(2001)),
        Some("down") => Rejection::unavailable("spoken.down", StoreError::new("no route to host")),
        Some("expired") => Rejection::new(RejectionKind::RefusedCredentials, "spoken.expired"),
        Some(_) => Rejection::new(RejectionKind::RefusedCredentials, "spoken.refused"),
    }
}

pub(crate) fn principal(subject: &str, scheme: Scheme, scopes: &str) -> Principal {
    Principal::builder(Identity::local(subject).unwrap(), scheme)
        .scopes(ScopeSet::parse(scopes).unwrap())
        .build()
}

/// What a policy says.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Says {
    Yes,
    No,
    /// Its store is down.
    Unknown,
}

/// A policy that says one thing, and counts how often it is asked.
#[derive(Clone)]
pub(crate) struct Saying {
    pub(crate) says: Says,
    pub(crate) when: When,
    /// The reason of its refusal, so that two can be told apart.
    pub(crate) reason: &'static str,
    pub(crate) open: bool,
    asked: Arc<AtomicUsize>,
}

impl Saying {
    pub(crate) fn new(says: Says, when: When) -> Self {
        Self { says, when, reason: "saying.no", open: false, asked: Arc::default() }
    }

    pub(crate) fn reason(self, reason: &'static str) -> Self {
        Self { reason, ..self }
    }

    pub(crate) fn open(self, open: bool) -> Self {
        Self { open, ..self }
    }

    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

impl Policy for Saying {
    fn is_open(&self, _head: &Head<'_>) -> bool {
        self.open
    }

    fn authorize(&self, _: &Principal, _: &Head<'_>) -> NowOrLater<Result<Permit, Rejection>> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        self.when.answer(match self.says {
            Says::Yes => Ok(Permit::granted()),
            Says::No => Err(Rejection::new(RejectionKind::Forbidden, self.reason)),
            Says::Unknown => {
                Err(Rejection::unavailable(self.reason, StoreError::new("no route to host")))
            }
        })
    }
}

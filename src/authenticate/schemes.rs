use std::{fmt, sync::Arc};

use http::HeaderValue;

use super::{Anonymous, Authenticator};
use crate::{
    Authorization, Head, HttpsEvidence, NowOrLater, Principal, Rejection, RejectionKind, Scheme,
    ScopePolicy, ScopeTable,
    authorize::table::Entry,
    gate::{Decision, Pass},
    response::Answers,
};

/// The schemes of a layer and what it was told: all that is needed for a decision. A clone copies a
/// pointer.
#[derive(Clone)]
pub(crate) struct Schemes(Arc<Options>);

#[derive(Clone)]
pub(crate) struct Options {
    authenticators: Vec<Arc<dyn Authenticator>>,
    /// What is offered by a 401 when no scheme has refused, in the order in which it is sent.
    offers: Arc<[HeaderValue]>,
    /// What a principal has to hold, whoever has authenticated it.
    pub(crate) scopes: Option<ScopePolicy>,
    /// And what it has to hold for which request.
    pub(crate) table: Option<ScopeTable>,
    pub(crate) optional: bool,
    pub(crate) skip_authenticated: bool,
    pub(crate) allow_cors_preflight: bool,
    pub(crate) https: Option<HttpsEvidence>,
    pub(crate) answers: Answers,
}

impl Schemes {
    pub(crate) fn none() -> Self {
        Self(Arc::new(Options {
            authenticators: Vec::new(),
            offers: Arc::new([]),
            scopes: None,
            table: None,
            optional: false,
            skip_authenticated: false,
            allow_cors_preflight: false,
            https: None,
            answers: Answers::default(),
        }))
    }

    pub(crate) fn or(mut self, authenticator: Arc<dyn Authenticator>) -> Self {
        let scheme = authenticator.scheme();
        assert!(
            !self.offers(scheme),
            "two authenticators of the scheme {scheme} in one layer: which of them a header is meant \
             for could only be guessed"
        );
        let authenticators = &mut self.options().authenticators;
        authenticators.push(authenticator);
        // The strongest scheme first (RFC 9110 section 11.6.1): Basic repeats the password itself.
        authenticators.sort_by_key(|other| same(other.scheme(), Scheme::BASIC));
        self.options().offers = self.challenges(None);
        self
    }

    pub(crate) fn options(&mut self) -> &mut Options {
        Arc::make_mut(&mut self.0)
    }

    pub(crate) fn answers(&self) -> &Answers {
        &self.0.answers
    }

    /// Decides over the head of a request.
    pub(crate) fn decide(&self, head: &Head<'_>) -> Decision {
        let entry = self.entry(head);
        if let Some(decision) = self.decide_without_credentials(head, entry) {
            return decision.into();
        }
        for authenticator in &self.0.authenticators {
            if let Some(decision) = authenticator.authenticate(head) {
                return self.concluding(authenticator.scheme(), entry, decision);
            }
        }
        self.decide_unclaimed(head, entry).into()
    }

    /// What the table, if there is one, has for this request.
    pub(crate) fn entry(&self, head: &Head<'_>) -> Entry {
        self.0.table.as_ref().map(|table| table.entry(head)).unwrap_or_default()
    }

    /// Rule 5: this scheme was used, and decides.
    pub(crate) fn concluding(
        &self,
        scheme: Scheme,
        entry: Entry,
        decision: NowOrLater<Result<Principal, Rejection>>,
    ) -> Decision {
        match decision.into_now() {
            Ok(result) => self.conclude(scheme, entry, result).into(),
            Err(later) => {
                let schemes = self.clone();
                Decision::Wait(later.map(move |result| schemes.conclude(scheme, entry, result)))
            }
        }
    }

    /// Rules 1 to 4: what needs no look at the credentials.
    pub(crate) fn decide_without_credentials(
        &self,
        head: &Head<'_>,
        entry: Entry,
    ) -> Option<Result<Pass, Rejection>> {
        let options = &*self.0;
        if options.https.as_ref().is_some_and(|https| !https.proves(head)) {
            return Some(Err(Rejection::new(RejectionKind::HttpsRequired, "https.required")));
        }
        if options.skip_authenticated
            && let Some(principal) = head.extensions().get::<Principal>()
        {
            return Some(self.check_scopes(principal, entry).map(|()| Pass::Onward));
        }
        if options.allow_cors_preflight && head.is_cors_preflight() {
            return Some(Ok(self.anonymous()));
        }
        if matches!(head.authorization(), Authorization::Repeated) {
            let (scheme, kind) = if self.offers(Scheme::BEARER) {
                (Some(Scheme::BEARER), RejectionKind::InvalidRequest)
            } else {
                (None, RejectionKind::MalformedCredentials)
            };
            return Some(Err(self.refusal(scheme, Rejection::new(kind, "authorization.repeated"))));
        }
        None
    }

    /// Rules 6 and 7: no authenticator has taken the request.
    fn decide_unclaimed(&self, head: &Head<'_>, entry: Entry) -> Result<Pass, Rejection> {
        let is_open = self.0.table.as_ref().is_some_and(|table| table.opens(entry));
        let (kind, reason) = match head.authorization() {
            Authorization::Absent if self.0.optional || is_open => return Ok(self.anonymous()),
            Authorization::Absent => (RejectionKind::MissingCredentials, "authorization.missing"),
            _ => (RejectionKind::RefusedCredentials, "authorization.unknown_scheme"),
        };
        Err(self.refusal(None, Rejection::new(kind, reason)))
    }

    pub(crate) fn conclude(
        &self,
        scheme: Scheme,
        entry: Entry,
        result: Result<Principal, Rejection>,
    ) -> Result<Pass, Rejection> {
        match result {
            Ok(principal) => {
                tracing::debug!(
                    subject = principal.subject(),
                    issuer = principal.issuer(),
                    scheme = principal.scheme().as_str(),
                    "authenticated"
                );
                self.check_scopes(&principal, entry)?;
                Ok(Pass::Authenticated(principal))
            }
            Err(rejection) => Err(self.refusal(Some(scheme), rejection)),
        }
    }

    /// Gives a refusal, by this scheme if by one, the challenges that belong to it.
    pub(crate) fn refusal(&self, scheme: Option<Scheme>, mut rejection: Rejection) -> Rejection {
        let kind = rejection.kind();
        let wanted = match kind {
            RejectionKind::InvalidRequest
            | RejectionKind::MalformedCredentials
            | RejectionKind::MissingCredentials
            | RejectionKind::RefusedCredentials => true,
            RejectionKind::BadRequest
            | RejectionKind::Forbidden
            | RejectionKind::HttpsRequired
            | RejectionKind::InsufficientScope
            | RejectionKind::Misconfigured
            | RejectionKind::NotFound
            | RejectionKind::PayloadTooLarge
            | RejectionKind::RequestTimeout
            | RejectionKind::Throttled
            | RejectionKind::Unavailable
            | RejectionKind::UnsupportedMediaType => false,
        };
        if wanted {
            rejection.replace_challenges(match scheme {
                Some(scheme) => self.challenges(Some((scheme, kind))),
                None => self.0.offers.clone(),
            });
        }
        rejection
    }

    fn check_scopes(&self, principal: &Principal, entry: Entry) -> Result<(), Rejection> {
        let Options { scopes, table, .. } = &*self.0;
        scopes.as_ref().map_or(Ok(()), |scopes| scopes.check(principal))?;
        table.as_ref().map_or(Ok(()), |table| table.check(entry, principal))
    }

    fn challenges(&self, refused: Option<(Scheme, RejectionKind)>) -> Arc<[HeaderValue]> {
        let each = self.0.authenticators.iter();
        each.map(|authenticator| {
            let own = refused.filter(|(scheme, _)| same(*scheme, authenticator.scheme()));
            authenticator.challenge(own.map(|(_, kind)| kind)).to_header_value()
        })
        .collect()
    }

    fn offers(&self, scheme: Scheme) -> bool {
        self.0.authenticators.iter().any(|other| same(other.scheme(), scheme))
    }

    fn anonymous(&self) -> Pass {
        Pass::Anonymous(Anonymous::new(self.0.offers.clone()))
    }
}

impl fmt::Debug for Schemes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let schemes: Vec<_> = self.0.authenticators.iter().map(|a| a.scheme().as_str()).collect();
        f.debug_struct("Schemes")
            .field("schemes", &schemes)
            .field("table", &self.0.table)
            .field("optional", &self.0.optional)
            .field("skip_authenticated", &self.0.skip_authenticated)
            .field("allow_cors_preflight", &self.0.allow_cors_preflight)
            .field("https", &self.0.https)
            .field("no_grpc", &self.0.answers.no_grpc)
            .finish_non_exhaustive()
    }
}

fn same(one: Scheme, other: Scheme) -> bool {
    one.as_str().eq_ignore_ascii_case(other.as_str())
}

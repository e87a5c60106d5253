use std::{
    borrow::Cow,
    sync::Arc,
    time::{Duration, UNIX_EPOCH},
};

use bytes::Bytes;

use super::{IntrospectionResponse, response::Members};
use crate::{
    Identity, Principal, Rejection, Scheme,
    claim::{self, Untimely, Validity},
};

/// What is asked of a response.
#[derive(Clone, Debug)]
pub(super) struct Expected {
    pub(super) issuer: Option<String>,
    pub(super) audiences: Vec<String>,
    pub(super) identities_of: Option<Arc<str>>,
    pub(super) leeway: Duration,
}

/// An active token that is meant for this server: good at those times at which it is valid.
pub(super) struct Accepted {
    pub(super) principal: Principal,
    pub(super) validity: Validity,
}

impl Expected {
    /// Judges all of a response but its times.
    pub(super) fn judge(&self, json: &Bytes) -> Result<Accepted, Rejection> {
        let found = Members::parse(json)?;
        self.judge_members(found, json).map_err(Rejection::refused)
    }

    fn judge_members(&self, found: Members<'_>, json: &Bytes) -> Result<Accepted, &'static str> {
        let bearer = |kind: &str| kind.eq_ignore_ascii_case(Scheme::BEARER.as_str());
        if !found.token_type.as_deref().is_none_or(bearer) {
            return Err("introspection.token_type");
        }
        let issuer = self.judge_issuer(found.iss.as_deref())?;
        if !claim::is_meant_for(found.aud.as_ref(), &self.audiences) {
            return Err("introspection.aud");
        }
        let subject = found.sub.ok_or("introspection.sub")?.into_owned();
        let identity = Identity::new(issuer, subject).map_err(|_| "introspection.sub")?;
        let mut principal = Principal::builder(identity, Scheme::BEARER).scopes(found.scope);
        if let Some(id) = found.jti.filter(|jti| !jti.is_empty()) {
            principal = principal.credential_id(id);
        }
        if let Some(issued) = found.iat {
            principal = principal.authenticated_at(UNIX_EPOCH + issued);
        }
        if let Some(expires) = found.exp {
            principal = principal.expires(UNIX_EPOCH + expires);
        }
        let response = IntrospectionResponse {
            json: json.clone(),
            client_id: found.client_id.map(Cow::into_owned),
            username: found.username.map(Cow::into_owned),
            expires: found.exp,
        };
        Ok(Accepted {
            principal: principal.extra(response).build(),
            validity: Validity { exp: found.exp, nbf: found.nbf, iat: found.iat, leeway: self.leeway },
        })
    }

    /// Exact bytes. What comes back is whose the subject is.
    fn judge_issuer(&self, iss: Option<&str>) -> Result<Arc<str>, &'static str> {
        const REFUSED: &str = "introspection.iss";
        if self.issuer.as_deref().is_some_and(|issuer| iss != Some(issuer)) {
            return Err(REFUSED);
        }
        match &self.identities_of {
            Some(issuer) => Ok(issuer.clone()),
            // A stranger's token does not become one of the own users'.
            None if self.issuer.is_none() && iss == Some(Identity::LOCAL) => Err(REFUSED),
            None => iss.map(Arc::from).ok_or(REFUSED),
        }
    }
}

impl Accepted {
    /// Judges the times, with the present one since 1970-01-01T00:00:00Z.
    pub(super) fn judge_times(&self, now: Duration) -> Result<(), Rejection> {
        self.validity.judge(now).map_err(|untimely| {
            Rejection::refused(match untimely {
                Untimely::Expired => "introspection.expired",
                Untimely::NotYetValid => "introspection.not_yet_valid",
                Untimely::IssuedInFuture => "introspection.issued_in_future",
            })
        })
    }
}

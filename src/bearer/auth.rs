use std::{fmt, sync::Arc};

use super::{Challenges, Place, is_b64token, malformed, only_token};
use crate::{
    Authenticator, Challenge, ConfigError, Head, NowOrLater, Principal, Rejection, RejectionKind,
    Scheme,
};

/// Judges bearer tokens of one kind, wherever they were found.
///
/// # Implementer notes
///
/// * The token follows RFC 6750's grammar (`b64token`), and is of any length: look at the length first.
/// * A token that is not of this kind is [`Rejection::refused`], like any other that is wrong. A store or
///   a server that cannot answer is [`Rejection::unavailable`].
pub trait TokenVerifier: Send + Sync + 'static {
    /// Judges a token.
    ///
    /// # Errors
    ///
    /// Whatever is not a yes.
    fn verify(&self, token: &str) -> NowOrLater<Result<Principal, Rejection>>;

    /// Judges what was sent in place of a token, whose grammar nobody has looked at yet: for verifiers that find out by
    /// the way. By default, it is looked at here, and what does not follow it is answered 400 `invalid_request`.
    ///
    /// # Errors
    ///
    /// Whatever is not a yes.
    fn verify_sent(&self, sent: &[u8]) -> NowOrLater<Result<Principal, Rejection>> {
        match only_token(sent) {
            Some(token) => self.verify(token),
            None => NowOrLater::now(Err(malformed())),
        }
    }
}

/// The [`Authenticator`] of bearer tokens of several kinds on the same routes.
///
/// Which kind a token is of is never guessed: tokens that begin with a prefix named here are for that
/// verifier, and all others for the one that was named first. The one that is chosen decides.
///
/// ```
/// use portcullis::{
///     AuthenticateLayer, BearerAuth,
///     jwt::{Algorithm, JwtAuth, Key, Keys},
///     user_token::{MemoryUserTokenStore, UserTokenAuth},
/// };
///
/// # let keys = Keys::new([Key::hmac(Algorithm::HS256, "a secret of at least 32 bytes, from a file")?])?;
/// let jwt = JwtAuth::builder(keys).issuer("https://id.example.org").audience("messages").build()?;
/// let user_tokens = UserTokenAuth::new("messages", MemoryUserTokenStore::new())?;
/// let bearer = BearerAuth::new("messages", jwt)?.prefix("pct_", user_tokens)?;
/// let layer = AuthenticateLayer::new(bearer);
/// # Ok::<_, portcullis::ConfigError>(())
/// ```
#[derive(Clone)]
pub struct BearerAuth(Arc<Parts>);

#[derive(Clone)]
struct Parts {
    prefixed: Vec<(String, Arc<dyn TokenVerifier>)>,
    others: Arc<dyn TokenVerifier>,
    place: Place,
    challenges: Challenges,
}

impl BearerAuth {
    /// Tokens that this verifier judges, asked for with this realm.
    ///
    /// # Errors
    ///
    /// When the realm does not fit a header field.
    pub fn new(realm: &str, verifier: impl TokenVerifier) -> Result<Self, ConfigError> {
        Ok(Self::of(Arc::new(verifier), Place::default(), Challenges::new(realm)?))
    }

    pub(crate) fn of(others: Arc<dyn TokenVerifier>, place: Place, challenges: Challenges) -> Self {
        Self(Arc::new(Parts { prefixed: Vec::new(), others, place, challenges }))
    }

    /// Tokens that begin with this are for this verifier instead. Case counts.
    ///
    /// # Errors
    ///
    /// When the prefix is empty, a token could begin with this one and with another, or none could.
    pub fn prefix(
        mut self,
        prefix: impl Into<String>,
        verifier: impl TokenVerifier,
    ) -> Result<Self, ConfigError> {
        let prefix = prefix.into();
        let prefixed = &mut Arc::make_mut(&mut self.0).prefixed;
        let twin = prefixed
            .iter()
            .find(|(other, _)| other.starts_with(&*prefix) || prefix.starts_with(&**other));
        if let Some((twin, _)) = twin {
            return Err(ConfigError::new(format!(
                "a token could begin with the prefix {prefix:?} and with {twin:?}: choose others"
            )));
        }
        if prefix.is_empty() {
            return Err(ConfigError::new(
                "every token begins with an empty prefix: name the verifier in `BearerAuth::new`",
            ));
        }
        if !prefix.bytes().all(is_b64token) {
            return Err(ConfigError::new(format!(
                "no token begins with {prefix:?}: letters, digits and -._~+/ (RFC 6750 section 2.1)"
            )));
        }
        prefixed.push((prefix, Arc::new(verifier)));
        Ok(self)
    }

    /// Says in the challenges where the metadata of the resource is (RFC 9728 section 5.1), so that a
    /// client learns where to get a token.
    ///
    /// # Errors
    ///
    /// When the URL is not `https` (loopback may be `http`), or has a query or a fragment.
    pub fn resource_metadata(mut self, url: &str) -> Result<Self, ConfigError> {
        let parts = Arc::make_mut(&mut self.0);
        parts.challenges = parts.challenges.resource_metadata(url)?;
        Ok(self)
    }

    /// Takes tokens from the cookie of this name, and from nowhere else. See the caveat at
    /// [`JwtAuthBuilder::cookie`](crate::jwt::JwtAuthBuilder::cookie).
    ///
    /// # Errors
    ///
    /// When it is no name of a cookie.
    pub fn cookie(mut self, name: impl Into<String>) -> Result<Self, ConfigError> {
        Arc::make_mut(&mut self.0).place = Place::cookie(name.into())?;
        Ok(self)
    }

    /// Takes tokens from this header field, whose whole value they are, and from nowhere else.
    pub fn header(mut self, name: http::HeaderName) -> Self {
        Arc::make_mut(&mut self.0).place = Place::header(name);
        self
    }

    fn verifier(&self, sent: &[u8]) -> &dyn TokenVerifier {
        let prefixed = self.0.prefixed.iter().find(|(prefix, _)| sent.starts_with(prefix.as_bytes()));
        &**prefixed.map_or(&self.0.others, |(_, verifier)| verifier)
    }
}

impl Authenticator for BearerAuth {
    fn scheme(&self) -> Scheme {
        Scheme::BEARER
    }

    fn authenticate(&self, head: &Head<'_>) -> Option<NowOrLater<Result<Principal, Rejection>>> {
        Some(match self.0.place.sent(head)? {
            Ok(sent) => self.verifier(sent).verify_sent(sent),
            Err(rejection) => NowOrLater::now(Err(rejection)),
        })
    }

    fn challenge(&self, refused: Option<RejectionKind>) -> Challenge {
        self.0.challenges.of(refused)
    }
}

impl fmt::Debug for BearerAuth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let prefixes: Vec<_> = self.0.prefixed.iter().map(|(prefix, _)| prefix).collect();
        f.debug_struct("BearerAuth")
            .field("prefixes", &prefixes)
            .field("place", &self.0.place)
            .finish_non_exhaustive()
    }
}

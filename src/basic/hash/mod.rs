mod argon2id;
#[cfg(feature = "bcrypt")]
mod bcrypt;
#[cfg(feature = "pbkdf2")]
mod pbkdf2;

use std::{fmt, sync::Arc};

use argon2::{Argon2, PasswordHasher as _, password_hash::phc};

pub use self::argon2id::Argon2id;
use self::argon2id::Argon2idHash;
#[cfg(feature = "bcrypt")]
use self::bcrypt::BcryptHash;
#[cfg(feature = "pbkdf2")]
use self::pbkdf2::Pbkdf2Hash;
use crate::ConfigError;

/// A stored password hash, of a kind that is supported and with parameters that are sane.
///
/// | kind | text | feature |
/// |---|---|---|
/// | argon2id (RFC 9106) | PHC string `$argon2id$v=19$m=…,t=…,p=…$…` | |
/// | bcrypt | `$2a$`, `$2b$` or `$2y$` | `bcrypt` |
/// | PBKDF2 (RFC 8018) with HMAC-SHA-256 or -512 | PHC string `$pbkdf2-sha256$i=…$…`, `$pbkdf2-sha512$i=…$…` | `pbkdf2` |
/// | the same, as passlib writes it | `$pbkdf2-sha256$29000$…`, `$pbkdf2-sha512$25000$…` | `pbkdf2` |
/// | with HMAC-SHA-256, as Django writes it | `pbkdf2_sha256$1000000$…` | `pbkdf2` |
///
/// Before a hash, Spring Security's `{bcrypt}`, `{argon2}` or `{argon2@SpringSecurity_v5_8}` may stand.
///
/// Not read: Spring Security's `{pbkdf2}`, in any version, since its text says neither the digest nor the iterations,
/// but the application's configuration does; PBKDF2 with HMAC-SHA-1 (passlib's `$pbkdf2$`, Django's `pbkdf2_sha1$`);
/// argon2i and argon2d; scrypt; what `crypt(3)` writes beside bcrypt; and what phoss SMP stores, whose form is not
/// documented.
///
/// New hashes are argon2id. The others are read for the sake of databases that have them; see
/// [`BasicAuth::rehash_outdated`](super::BasicAuth::rehash_outdated).
///
/// ```
/// use portcullis::basic::PasswordHash;
///
/// let hash = PasswordHash::of("correct horse battery staple")?;
/// assert!(hash.as_str().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
/// assert!(PasswordHash::parse("$argon2id$v=19$m=4294967295,t=2,p=1$c2FsdHNhbHQ$AAAA").is_err());
/// # Ok::<_, portcullis::ConfigError>(())
/// ```
#[derive(Clone)]
pub struct PasswordHash(Arc<Stored>);

struct Stored {
    text: Box<str>,
    /// The kind, and what decides the cost: `argon2id, m=19456,t=2,p=1`.
    cost: Box<str>,
    kind: Kind,
}

enum Kind {
    Argon2id(Box<Argon2idHash>),
    #[cfg(feature = "bcrypt")]
    Bcrypt(BcryptHash),
    #[cfg(feature = "pbkdf2")]
    Pbkdf2(Box<Pbkdf2Hash>),
    /// Why no password can be verified.
    Unusable(ConfigError),
}

impl Kind {
    fn parse(text: &str) -> Result<Self, ConfigError> {
        if text.starts_with("$2") {
            return Self::parse_bcrypt(text);
        }
        if let Some(kind) = Self::parse_pbkdf2_of_others(text) {
            return kind;
        }
        let stored = phc::PasswordHash::new(text).map_err(|error| {
            ConfigError::because("the password hash is not in the PHC string format", error)
        })?;
        match stored.algorithm.as_str() {
            "argon2id" => Ok(Self::Argon2id(Box::new(Argon2idHash::parse(stored)?))),
            "pbkdf2-sha256" | "pbkdf2-sha512" => Self::parse_pbkdf2(&stored),
            // Not named: of a password in clear that begins with `$`, the kind is the password.
            _ => Err(ConfigError::new("the password hash is not of the kind `argon2id`")),
        }
    }

    #[cfg(feature = "bcrypt")]
    fn parse_bcrypt(text: &str) -> Result<Self, ConfigError> {
        BcryptHash::parse(text).map(Self::Bcrypt)
    }

    #[cfg(not(feature = "bcrypt"))]
    fn parse_bcrypt(_: &str) -> Result<Self, ConfigError> {
        Err(ConfigError::new("bcrypt hashes are verified with the feature `bcrypt`"))
    }

    #[cfg(feature = "pbkdf2")]
    fn parse_pbkdf2(stored: &phc::PasswordHash) -> Result<Self, ConfigError> {
        Pbkdf2Hash::of_phc(stored).map(|hash| Self::Pbkdf2(Box::new(hash)))
    }

    /// In a form that is not that of PHC strings.
    #[cfg(feature = "pbkdf2")]
    fn parse_pbkdf2_of_others(text: &str) -> Option<Result<Self, ConfigError>> {
        let read = Pbkdf2Hash::of_passlib(text).or_else(|| Pbkdf2Hash::of_django(text))?;
        Some(read.map(|hash| Self::Pbkdf2(Box::new(hash))))
    }

    #[cfg(not(feature = "pbkdf2"))]
    fn parse_pbkdf2(_: &phc::PasswordHash) -> Result<Self, ConfigError> {
        Err(ConfigError::new("PBKDF2 hashes are verified with the feature `pbkdf2`"))
    }

    #[cfg(not(feature = "pbkdf2"))]
    fn parse_pbkdf2_of_others(text: &str) -> Option<Result<Self, ConfigError>> {
        let is_one = ["$pbkdf2-sha", "pbkdf2_sha256$"].iter().any(|begin| text.starts_with(begin));
        is_one.then(|| Err(ConfigError::new("PBKDF2 hashes are verified with the feature `pbkdf2`")))
    }
}

/// Spring Security says which of its encoders has made a hash. Where the hash itself says so, too, that counts.
fn without_spring_id(text: &str) -> &str {
    let ids = ["{bcrypt}", "{argon2}", "{argon2@SpringSecurity_v5_8}"];
    ids.iter().find_map(|id| text.strip_prefix(id)).unwrap_or(text)
}

impl PasswordHash {
    /// The most memory that a stored argon2id hash may ask for, in KiB.
    pub const MAX_MEMORY_KIB: u32 = 256 * 1024;
    /// The most passes that a stored argon2id hash may ask for.
    pub const MAX_PASSES: u32 = 32;
    /// The most work that a stored argon2id hash may ask for, in KiB: its memory times its passes. That is 4 passes over the
    /// most memory, of which libsodium's `MODERATE` takes 3, or 32 over an eighth of it.
    pub const MAX_WORK_KIB: u64 = 4 * 256 * 1024;
    /// The most lanes that a stored argon2id hash may ask for.
    pub const MAX_LANES: u32 = 16;
    /// The greatest cost, as a power of two, that a stored bcrypt hash may ask for.
    #[cfg(feature = "bcrypt")]
    pub const MAX_BCRYPT_COST: u32 = 16;
    /// The most iterations that a stored PBKDF2 hash may ask for.
    #[cfg(feature = "pbkdf2")]
    pub const MAX_ITERATIONS: u32 = 5_000_000;

    /// Reads a stored hash.
    ///
    /// # Errors
    ///
    /// When it is of no supported kind, lacks its salt or its output, or asks for more than the limits
    /// of this type: a hostile or damaged entry must not exhaust the server.
    pub fn parse(text: &str) -> Result<Self, ConfigError> {
        Ok(Self::from_kind(Kind::parse(without_spring_id(text))?, text))
    }

    /// Reads a stored hash, for a [`UserStore`](super::UserStore): what [`parse`](Self::parse) refuses becomes a
    /// hash that no password has.
    ///
    /// Its user cannot sign in, and is refused like any other, after one hash: an answer of its own would tell a
    /// stranger that there is such a user. Each attempt is an error in the log, with the reason.
    pub fn parse_or_unusable(text: &str) -> Self {
        Self::parse(text).unwrap_or_else(|error| Self::from_kind(Kind::Unusable(error), text))
    }

    /// Hashes a new password with argon2id: 19 MiB, 2 passes, 1 lane (OWASP's first choice), and a
    /// random salt. Takes some 20 milliseconds: not for the reactor.
    ///
    /// # Errors
    ///
    /// When the password is empty or longer than 1,024 bytes: it could never be used.
    pub fn of(password: &str) -> Result<Self, ConfigError> {
        if password.is_empty() || password.len() > super::credentials::MAX_PASSWORD {
            return Err(ConfigError::new("a password has between 1 and 1024 bytes"));
        }
        let hash = Argon2::default()
            .hash_password(password.as_bytes())
            .map_err(|error| ConfigError::because("the password could not be hashed", error))?;
        let text = hash.to_string();
        Ok(Self::from_kind(Kind::Argon2id(Box::new(Argon2idHash::parse(hash)?)), &text))
    }

    fn from_kind(kind: Kind, text: &str) -> Self {
        let cost = match &kind {
            Kind::Argon2id(hash) => hash.cost(),
            #[cfg(feature = "bcrypt")]
            Kind::Bcrypt(hash) => hash.cost(),
            #[cfg(feature = "pbkdf2")]
            Kind::Pbkdf2(hash) => hash.cost(),
            Kind::Unusable(_) => "unusable".to_owned(),
        };
        Self(Arc::new(Stored { text: text.into(), cost: cost.into(), kind }))
    }

    /// The stored text.
    pub fn as_str(&self) -> &str {
        &self.0.text
    }

    /// Whether [`PasswordHash::of`] makes stronger ones today: it is of another kind than argon2id, or takes less
    /// memory, or memory times passes is less.
    pub fn is_outdated(&self) -> bool {
        match &self.0.kind {
            Kind::Argon2id(hash) => hash.is_outdated(),
            #[cfg(feature = "bcrypt")]
            Kind::Bcrypt(_) => true,
            #[cfg(feature = "pbkdf2")]
            Kind::Pbkdf2(_) => true,
            Kind::Unusable(_) => false,
        }
    }

    /// Why no password can be verified, if so.
    pub(super) fn unusable(&self) -> Option<&ConfigError> {
        if let Kind::Unusable(error) = &self.0.kind { Some(error) } else { None }
    }

    /// A decoy of the cost that [`PasswordHash::of`] gives.
    pub(super) fn usual_decoy() -> Self {
        Self::parse(
            "$argon2id$v=19$m=19456,t=2,p=1$cG9ydGN1bGxpcy1kZWNveQ\
             $AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        )
        .expect("the text is a hash")
        .decoy()
    }

    /// A hash that costs what this one costs, and that no password has: its output is random.
    pub(crate) fn decoy(&self) -> Self {
        let text = match &self.0.kind {
            Kind::Argon2id(hash) => hash.decoy(),
            #[cfg(feature = "bcrypt")]
            Kind::Bcrypt(hash) => hash.decoy(),
            #[cfg(feature = "pbkdf2")]
            Kind::Pbkdf2(hash) => hash.decoy(),
            Kind::Unusable(_) => return Self::usual_decoy(),
        };
        Self::parse(&text).expect("it differs from a hash in its output alone")
    }

    /// The kind, and what decides the cost.
    pub(crate) fn cost(&self) -> &str {
        &self.0.cost
    }
}

/// Two are equal when their texts are.
impl Eq for PasswordHash {}

impl PartialEq for PasswordHash {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.0.text == other.0.text
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PasswordHash({}, ** redacted **)", self.cost())
    }
}

/// Verifies a password against a stored hash: slow, and done off the reactor.
///
/// [`StoredHashes`] does it for real. One of your own may count, or verify hashes in hardware.
///
/// # Implementer notes
///
/// Take as long for a wrong password as for a right one, and compare in constant time.
pub trait PasswordVerifier: Send + Sync + 'static {
    /// Whether this is the password.
    fn verify(&self, password: &[u8], hash: &PasswordHash) -> bool;
}

/// Every kind of [`PasswordHash`], with the parameters of each stored one. A clone shares the memory of
/// [`Argon2id`].
#[derive(Clone, Debug, Default)]
pub struct StoredHashes {
    argon2id: Argon2id,
}

impl PasswordVerifier for StoredHashes {
    fn verify(&self, password: &[u8], hash: &PasswordHash) -> bool {
        match &hash.0.kind {
            Kind::Argon2id(hash) => self.argon2id.matches(password, hash),
            #[cfg(feature = "bcrypt")]
            Kind::Bcrypt(hash) => hash.matches(password),
            #[cfg(feature = "pbkdf2")]
            Kind::Pbkdf2(hash) => hash.matches(password),
            Kind::Unusable(_) => false,
        }
    }
}

/// The text of this hash with a random output: no password has it.
fn with_random_output(hash: &phc::PasswordHash) -> String {
    let mut random = [0; phc::Output::MAX_LENGTH];
    crate::random::fill(&mut random);
    let mut decoy = hash.clone();
    decoy.hash = decoy.hash.and_then(|hash| phc::Output::new(&random[..hash.len()]).ok());
    decoy.to_string()
}

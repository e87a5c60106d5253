use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use argon2::{Algorithm, Argon2, Block, Params, PasswordHasher as _, Version, password_hash::phc};
use constant_time_eq::constant_time_eq;
use zeroize::Zeroize;

use crate::ConfigError;

/// A stored password hash: an argon2id PHC string whose parameters are sane.
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
pub struct PasswordHash {
    text: Arc<str>,
    /// What decides the cost: `m=19456,t=2,p=1`.
    cost: Arc<str>,
}

impl PasswordHash {
    /// The most memory that a stored hash may ask for, in KiB.
    pub const MAX_MEMORY_KIB: u32 = 256 * 1024;
    /// The most passes that a stored hash may ask for.
    pub const MAX_PASSES: u32 = 32;
    /// The most lanes that a stored hash may ask for.
    pub const MAX_LANES: u32 = 16;

    /// Reads a stored hash.
    ///
    /// # Errors
    ///
    /// When it is not an argon2id hash in the PHC string format, lacks its salt or its output, or
    /// asks for more than the limits of this type: a hostile or damaged entry must not exhaust the
    /// server.
    pub fn parse(text: &str) -> Result<Self, ConfigError> {
        let stored = phc::PasswordHash::new(text).map_err(|error| {
            ConfigError::because("the password hash is not in the PHC string format", error)
        })?;
        if stored.algorithm.as_str() != Algorithm::Argon2id.as_str() {
            // Not named: of a password in clear that begins with `$`, the kind is the password.
            return Err(ConfigError::new("the password hash is not of the kind `argon2id`"));
        }
        if stored.version != Some(Version::V0x13.into()) {
            return Err(ConfigError::new("the argon2id hash is not of version 19"));
        }
        let params = Params::try_from(&stored)
            .map_err(|error| ConfigError::because("the argon2id parameters are invalid", error))?;
        if params.m_cost() > Self::MAX_MEMORY_KIB
            || params.t_cost() > Self::MAX_PASSES
            || params.p_cost() > Self::MAX_LANES
        {
            return Err(ConfigError::new(format!(
                "the argon2id hash asks for m={} KiB, t={}, p={}; at most m={}, t={}, p={} is verified",
                params.m_cost(),
                params.t_cost(),
                params.p_cost(),
                Self::MAX_MEMORY_KIB,
                Self::MAX_PASSES,
                Self::MAX_LANES,
            )));
        }
        if stored.salt.is_none() || stored.hash.is_none() {
            return Err(ConfigError::new("the password hash lacks its salt or its output"));
        }
        Ok(Self::from_phc(&stored))
    }

    /// Hashes a new password with argon2id: 19 MiB, 2 passes, 1 lane (OWASP's first choice), and a
    /// random salt. Takes some 20 milliseconds: not for the reactor.
    ///
    /// # Errors
    ///
    /// When the password is empty or longer than 1,024 bytes: it could never be used.
    pub fn of(password: &str) -> Result<Self, ConfigError> {
        if password.is_empty() || password.len() > super::authenticator::MAX_PASSWORD {
            return Err(ConfigError::new("a password has between 1 and 1024 bytes"));
        }
        let hash = Argon2::default()
            .hash_password(password.as_bytes())
            .map_err(|error| ConfigError::because("the password could not be hashed", error))?;
        Ok(Self::from_phc(&hash))
    }

    fn from_phc(hash: &phc::PasswordHash) -> Self {
        Self { text: hash.to_string().into(), cost: hash.params.to_string().into() }
    }

    /// The stored text.
    pub fn as_str(&self) -> &str {
        &self.text
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
        let mut random = [0; phc::Output::MAX_LENGTH];
        getrandom::fill(&mut random).expect("the system has random numbers");
        let mut decoy = phc::PasswordHash::new(&self.text).expect("it was one when it was made");
        decoy.hash = decoy.hash.and_then(|hash| phc::Output::new(&random[..hash.len()]).ok());
        Self::from_phc(&decoy)
    }

    /// What decides the cost.
    pub(crate) fn cost(&self) -> &str {
        &self.cost
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PasswordHash(argon2id, {}, ** redacted **)", self.cost())
    }
}

/// Verifies a password against a stored hash: slow, and done off the reactor.
///
/// [`Argon2id`] does it for real. One of your own may count, or verify hashes in hardware.
///
/// # Implementer notes
///
/// Take as long for a wrong password as for a right one, and compare in constant time.
pub trait PasswordVerifier: Send + Sync + 'static {
    /// Whether this is the password.
    fn verify(&self, password: &[u8], hash: &PasswordHash) -> bool;
}

/// Argon2id (RFC 9106), with the parameters of each stored hash.
///
/// The memory that a hash works in is kept for the next one: there is as much of it as hashes run at once.
/// A clone shares it.
#[derive(Clone, Default)]
pub struct Argon2id {
    idle: Arc<Mutex<Vec<Vec<Block>>>>,
}

impl Argon2id {
    /// The greatest working memory that is kept, in blocks of 1 KiB.
    const MOST_KEPT: usize = 64 * 1024;

    /// The output of the hash with this password, and the stored one.
    fn outputs(&self, password: &[u8], hash: &PasswordHash) -> Option<(Vec<u8>, phc::Output)> {
        let stored = phc::PasswordHash::new(&hash.text).ok()?;
        let (salt, output) = (stored.salt?, stored.hash?);
        let params = Params::try_from(&stored).ok()?;
        let blocks = params.block_count();
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);

        let mut memory = self.idle().pop().unwrap_or_default();
        memory.resize(blocks.max(memory.len()), Block::default());
        let mut computed = vec![0; output.len()];
        let result = argon2.hash_password_into_with_memory(
            password,
            salt.as_ref(),
            &mut computed,
            &mut memory[..blocks],
        );
        memory[..blocks].iter_mut().for_each(Zeroize::zeroize);
        if memory.len() <= Self::MOST_KEPT {
            self.idle().push(memory);
        }
        result.ok().map(|()| (computed, output))
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Vec<Block>>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl PasswordVerifier for Argon2id {
    fn verify(&self, password: &[u8], hash: &PasswordHash) -> bool {
        let outputs = self.outputs(password, hash);
        outputs.is_some_and(|(computed, stored)| constant_time_eq(&computed, stored.as_ref()))
    }
}

impl fmt::Debug for Argon2id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Argon2id")
    }
}

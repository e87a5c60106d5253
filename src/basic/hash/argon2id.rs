use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use argon2::{Algorithm, Argon2, Block, Params, Version, password_hash::phc};
use constant_time_eq::constant_time_eq;
use zeroize::Zeroize;

use super::{Kind, PasswordHash, PasswordVerifier};
use crate::ConfigError;

/// A stored argon2id hash within the limits.
pub(super) struct Argon2idHash {
    phc: phc::PasswordHash,
    params: Params,
    salt: phc::Salt,
    output: phc::Output,
}

impl Argon2idHash {
    pub(super) fn parse(phc: phc::PasswordHash) -> Result<Self, ConfigError> {
        if phc.version != Some(Version::V0x13.into()) {
            return Err(ConfigError::new("the argon2id hash is not of version 19"));
        }
        let params = Params::try_from(&phc)
            .map_err(|error| ConfigError::because("the argon2id parameters are invalid", error))?;
        let (memory, passes, lanes) = (params.m_cost(), params.t_cost(), params.p_cost());
        let (most_memory, most_passes, most_lanes) =
            (PasswordHash::MAX_MEMORY_KIB, PasswordHash::MAX_PASSES, PasswordHash::MAX_LANES);
        if memory > most_memory || passes > most_passes || lanes > most_lanes {
            return Err(ConfigError::new(format!(
                "the argon2id hash asks for m={memory} KiB, t={passes}, p={lanes}; at most \
                 m={most_memory}, t={most_passes}, p={most_lanes} is verified"
            )));
        }
        let work = u64::from(memory) * u64::from(passes);
        if work > PasswordHash::MAX_WORK_KIB {
            return Err(ConfigError::new(format!(
                "the argon2id hash asks for m={memory} KiB in each of t={passes} passes, {work} KiB in all; at most \
                 {} KiB is verified",
                PasswordHash::MAX_WORK_KIB
            )));
        }
        let (Some(salt), Some(output)) = (phc.salt, phc.hash) else {
            return Err(ConfigError::new("the password hash lacks its salt or its output"));
        };
        Ok(Self { phc, params, salt, output })
    }

    pub(super) fn cost(&self) -> String {
        format!("argon2id, {}", self.phc.params)
    }

    pub(super) fn decoy(&self) -> String {
        super::with_random_output(&self.phc)
    }

    pub(super) fn is_outdated(&self) -> bool {
        let work = |params: &Params| u64::from(params.m_cost()) * u64::from(params.t_cost());
        let today = Params::DEFAULT;
        // Passes are no substitute for memory: it is what makes guessing on special hardware dear.
        self.params.m_cost() < today.m_cost() || work(&self.params) < work(&today)
    }
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

    pub(super) fn matches(&self, password: &[u8], hash: &Argon2idHash) -> bool {
        let blocks = hash.params.block_count();
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, hash.params.clone());

        let mut memory = self.idle().pop().unwrap_or_default();
        memory.resize(blocks.max(memory.len()), Block::default());
        let mut computed = [0; phc::Output::MAX_LENGTH];
        let computed = &mut computed[..hash.output.len()];
        let result = argon2.hash_password_into_with_memory(
            password,
            hash.salt.as_ref(),
            computed,
            &mut memory[..blocks],
        );
        memory[..blocks].iter_mut().for_each(Zeroize::zeroize);
        if memory.len() <= Self::MOST_KEPT {
            self.idle().push(memory);
        }
        result.is_ok() && constant_time_eq(computed, hash.output.as_ref())
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Vec<Block>>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A hash of another kind is no password's.
impl PasswordVerifier for Argon2id {
    fn verify(&self, password: &[u8], hash: &PasswordHash) -> bool {
        matches!(&hash.0.kind, Kind::Argon2id(hash) if self.matches(password, hash))
    }
}

impl fmt::Debug for Argon2id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Argon2id")
    }
}

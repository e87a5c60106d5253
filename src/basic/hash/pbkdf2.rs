use argon2::password_hash::phc;
use constant_time_eq::constant_time_eq;
use pbkdf2::pbkdf2_hmac;
use sha2::{Sha256, Sha512};

use super::PasswordHash;
use crate::ConfigError;

/// A stored PBKDF2 hash within the limits.
pub(super) struct Pbkdf2Hash {
    phc: phc::PasswordHash,
    algorithm: Algorithm,
    iterations: u32,
    salt: phc::Salt,
    output: phc::Output,
}

enum Algorithm {
    Sha256,
    Sha512,
}

impl Pbkdf2Hash {
    pub(super) fn parse(phc: phc::PasswordHash) -> Result<Self, ConfigError> {
        let algorithm = match phc.algorithm.as_str() {
            "pbkdf2-sha256" => Algorithm::Sha256,
            _ => Algorithm::Sha512,
        };
        if phc.version.is_some() {
            return Err(ConfigError::new("PBKDF2 hashes have no version"));
        }
        if phc.params.iter().any(|(name, _)| !matches!(name.as_str(), "i" | "l")) {
            return Err(ConfigError::new("the parameters of a PBKDF2 hash are `i` and `l`"));
        }
        let iterations = phc.params.get_decimal("i").unwrap_or(0);
        let most = PasswordHash::MAX_ITERATIONS;
        if !(1..=most).contains(&iterations) {
            return Err(ConfigError::new(format!(
                "the PBKDF2 hash asks for {iterations} iterations; between 1 and {most} are verified"
            )));
        }
        let (Some(salt), Some(output)) = (phc.salt, phc.hash) else {
            return Err(ConfigError::new("the password hash lacks its salt or its output"));
        };
        let length = phc.params.get_decimal("l");
        if length.is_some_and(|length| usize::try_from(length) != Ok(output.len())) {
            return Err(ConfigError::new("the output of the PBKDF2 hash is not as long as `l` says"));
        }
        Ok(Self { phc, algorithm, iterations, salt, output })
    }

    pub(super) fn matches(&self, password: &[u8]) -> bool {
        let mut computed = [0; phc::Output::MAX_LENGTH];
        let computed = &mut computed[..self.output.len()];
        let salt = self.salt.as_ref();
        match self.algorithm {
            Algorithm::Sha256 => pbkdf2_hmac::<Sha256>(password, salt, self.iterations, computed),
            Algorithm::Sha512 => pbkdf2_hmac::<Sha512>(password, salt, self.iterations, computed),
        }
        constant_time_eq(computed, self.output.as_ref())
    }

    pub(super) fn cost(&self) -> String {
        format!("{}, i={},l={}", self.phc.algorithm, self.iterations, self.output.len())
    }

    pub(super) fn decoy(&self) -> String {
        super::with_random_output(&self.phc)
    }
}

use argon2::password_hash::phc;
use base64::{
    Engine,
    alphabet::Alphabet,
    engine::{
        GeneralPurpose,
        general_purpose::{NO_PAD, STANDARD, STANDARD_NO_PAD},
    },
};
use constant_time_eq::constant_time_eq;
use pbkdf2::pbkdf2_hmac;
use sha2::{Sha256, Sha512};

use super::PasswordHash;
use crate::ConfigError;

/// A stored PBKDF2 hash within the limits.
pub(super) struct Pbkdf2Hash {
    form: Form,
    algorithm: Algorithm,
    iterations: u32,
    /// As it is hashed.
    salt: Box<[u8]>,
    output: Box<[u8]>,
}

/// How it is written.
#[derive(Clone, Copy)]
enum Form {
    /// `$pbkdf2-sha256$i=1000,l=32$salt$output`, of which `l` may be missing.
    Phc { length: bool },
    /// `$pbkdf2-sha256$1000$salt$output`, with a `.` where base64 has a `+`.
    Passlib,
    /// `pbkdf2_sha256$1000$salt$output`. The salt is text.
    Django,
}

#[derive(Clone, Copy)]
enum Algorithm {
    Sha256,
    Sha512,
}

/// The longest output, in bytes: a whole one of SHA-512.
const MAX_OUTPUT: usize = 64;
/// The longest salt, in bytes.
const MAX_SALT: usize = 1024;

const PASSLIB: GeneralPurpose =
    match Alphabet::new("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789./") {
        Ok(alphabet) => GeneralPurpose::new(&alphabet, NO_PAD),
        Err(_) => panic!("it is an alphabet"),
    };

impl Pbkdf2Hash {
    /// The PHC string format.
    pub(super) fn of_phc(phc: &phc::PasswordHash) -> Result<Self, ConfigError> {
        if phc.version.is_some() {
            return Err(ConfigError::new("PBKDF2 hashes have no version"));
        }
        if phc.params.iter().any(|(name, _)| !matches!(name.as_str(), "i" | "l")) {
            return Err(ConfigError::new("the parameters of a PBKDF2 hash are `i` and `l`"));
        }
        let (Some(salt), Some(output)) = (phc.salt, phc.hash) else {
            return Err(ConfigError::new("the password hash lacks its salt or its output"));
        };
        let length = phc.params.get_decimal("l");
        if length.is_some_and(|length| usize::try_from(length) != Ok(output.len())) {
            return Err(ConfigError::new("the output of the PBKDF2 hash is not as long as `l` says"));
        }
        let algorithm = Algorithm::named(phc.algorithm.as_str()).ok_or_else(malformed)?;
        let iterations = phc.params.get_decimal("i").unwrap_or(0);
        let form = Form::Phc { length: length.is_some() };
        Self::new(form, algorithm, u64::from(iterations), salt.as_ref(), output.as_ref())
    }

    /// What Python's passlib writes: `None` for what is not of this form.
    pub(super) fn of_passlib(text: &str) -> Option<Result<Self, ConfigError>> {
        let [algorithm, iterations, salt, output] = parts(text.strip_prefix('$')?)?;
        let algorithm = Algorithm::named(algorithm)?;
        let iterations = decimal(iterations)?;
        let read = || {
            let decode = |text| PASSLIB.decode(text).map_err(|_| malformed());
            let (salt, output) = (decode(salt)?, decode(output)?);
            algorithm.check_whole(&output)?;
            Self::new(Form::Passlib, algorithm, iterations, &salt, &output)
        };
        Some(read())
    }

    /// What Django writes: `None` for what is not of this form.
    pub(super) fn of_django(text: &str) -> Option<Result<Self, ConfigError>> {
        let [algorithm, iterations, salt, output] = parts(text)?;
        if algorithm != "pbkdf2_sha256" {
            return None;
        }
        let (algorithm, iterations) = (Algorithm::Sha256, decimal(iterations)?);
        let read = || {
            let output = STANDARD.decode(output).map_err(|_| malformed())?;
            algorithm.check_whole(&output)?;
            Self::new(Form::Django, algorithm, iterations, salt.as_bytes(), &output)
        };
        Some(read())
    }

    fn new(
        form: Form,
        algorithm: Algorithm,
        iterations: u64,
        salt: &[u8],
        output: &[u8],
    ) -> Result<Self, ConfigError> {
        let most = PasswordHash::MAX_ITERATIONS;
        let few = u32::try_from(iterations).ok().filter(|count| (1..=most).contains(count));
        let iterations = few.ok_or_else(|| {
            ConfigError::new(format!(
                "the PBKDF2 hash asks for {iterations} iterations; between 1 and {most} are verified"
            ))
        })?;
        if salt.len() > MAX_SALT || output.len() > MAX_OUTPUT {
            return Err(malformed());
        }
        Ok(Self { form, algorithm, iterations, salt: salt.into(), output: output.into() })
    }

    pub(super) fn matches(&self, password: &[u8]) -> bool {
        let mut computed = [0; MAX_OUTPUT];
        let computed = &mut computed[..self.output.len()];
        match self.algorithm {
            Algorithm::Sha256 => pbkdf2_hmac::<Sha256>(password, &self.salt, self.iterations, computed),
            Algorithm::Sha512 => pbkdf2_hmac::<Sha512>(password, &self.salt, self.iterations, computed),
        }
        constant_time_eq(computed, &self.output)
    }

    pub(super) fn cost(&self) -> String {
        format!("{}, i={},l={}", self.algorithm.name(), self.iterations, self.output.len())
    }

    /// The same, with a random output.
    pub(super) fn decoy(&self) -> String {
        let mut random = [0; MAX_OUTPUT];
        crate::random::fill(&mut random);
        let output = &random[..self.output.len()];
        let (name, iterations) = (self.algorithm.name(), self.iterations);
        match self.form {
            Form::Phc { length } => {
                let length = if length { format!(",l={}", output.len()) } else { String::new() };
                let [salt, output] = [&self.salt, output].map(|part| STANDARD_NO_PAD.encode(part));
                format!("${name}$i={iterations}{length}${salt}${output}")
            }
            Form::Passlib => {
                let [salt, output] = [&self.salt, output].map(|part| PASSLIB.encode(part));
                format!("${name}${iterations}${salt}${output}")
            }
            Form::Django => {
                let salt = String::from_utf8_lossy(&self.salt);
                format!("pbkdf2_sha256${iterations}${salt}${}", STANDARD.encode(output))
            }
        }
    }
}

impl Algorithm {
    fn named(name: &str) -> Option<Self> {
        match name {
            "pbkdf2-sha256" => Some(Self::Sha256),
            "pbkdf2-sha512" => Some(Self::Sha512),
            _ => None,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "pbkdf2-sha256",
            Self::Sha512 => "pbkdf2-sha512",
        }
    }

    /// Refuses an output of another length than the digest's.
    fn check_whole(self, output: &[u8]) -> Result<(), ConfigError> {
        let whole = match self {
            Self::Sha256 => 32,
            Self::Sha512 => 64,
        };
        if output.len() == whole { Ok(()) } else { Err(malformed()) }
    }
}

/// The four parts between the signs.
fn parts(text: &str) -> Option<[&str; 4]> {
    let mut parts = text.split('$');
    let found = [parts.next()?, parts.next()?, parts.next()?, parts.next()?];
    parts.next().is_none().then_some(found)
}

/// A number as it is written: without a sign, and without zeros before it.
fn decimal(text: &str) -> Option<u64> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
    if is_plain { text.parse().ok() } else { None }
}

fn malformed() -> ConfigError {
    ConfigError::new("the PBKDF2 hash is malformed")
}

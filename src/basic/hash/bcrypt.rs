use base64::{
    Engine, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use constant_time_eq::constant_time_eq;
use zeroize::Zeroizing;

use super::PasswordHash;
use crate::ConfigError;

/// All that bcrypt looks at, in bytes.
const MAX_PASSWORD: usize = 72;

/// Some that make these hashes leave bits in the last character of the salt that count for nothing.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::BCRYPT,
    GeneralPurposeConfig::new()
        .with_encode_padding(false)
        .with_decode_padding_mode(DecodePaddingMode::RequireNone)
        .with_decode_allow_trailing_bits(true),
);

/// A stored bcrypt hash within the limits: `$2b$12$`, 22 characters of salt, 31 of output.
pub(super) struct BcryptHash {
    version: Box<str>,
    cost: u32,
    salt: [u8; 16],
    output: [u8; 23],
}

impl BcryptHash {
    pub(super) fn parse(text: &str) -> Result<Self, ConfigError> {
        let malformed = || ConfigError::new("the bcrypt hash is malformed");
        let rest = text.strip_prefix('$').ok_or_else(malformed)?;
        let (version, rest) = rest.split_once('$').ok_or_else(malformed)?;
        let (cost, rest) = rest.split_once('$').ok_or_else(malformed)?;
        if !matches!(version, "2a" | "2b" | "2y") {
            return Err(ConfigError::new(
                "the bcrypt hash is not of the form `$2a$`, `$2b$` or `$2y$`",
            ));
        }
        if cost.len() != 2 || !cost.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(malformed());
        }
        let cost = cost.parse().map_err(|_| malformed())?;
        let most = PasswordHash::MAX_BCRYPT_COST;
        if !(4..=most).contains(&cost) {
            return Err(ConfigError::new(format!(
                "the bcrypt hash asks for a cost of {cost}; between 4 and {most} is verified"
            )));
        }
        let (salt, output) = rest.split_at_checked(22).ok_or_else(malformed)?;
        let decode = |text| BASE64.decode(text).map_err(|_| malformed());
        Ok(Self {
            version: version.into(),
            cost,
            salt: decode(salt)?.try_into().map_err(|_| malformed())?,
            output: decode(output)?.try_into().map_err(|_| malformed())?,
        })
    }

    pub(super) fn matches(&self, password: &[u8]) -> bool {
        // The algorithm's own end of text, if there is room for it.
        let mut text = Zeroizing::new([0; MAX_PASSWORD]);
        let length = password.len().min(MAX_PASSWORD);
        text[..length].copy_from_slice(&password[..length]);
        let computed = bcrypt::bcrypt(self.cost, self.salt, &text[..MAX_PASSWORD.min(length + 1)]);
        // A longer one is hashed for the time it takes, and never right: its end has not been looked at.
        constant_time_eq(&computed[..self.output.len()], &self.output) && password.len() <= MAX_PASSWORD
    }

    pub(super) fn cost(&self) -> String {
        format!("bcrypt, {}", self.cost)
    }

    pub(super) fn decoy(&self) -> String {
        let mut random = [0; 23];
        crate::random::fill(&mut random);
        let (salt, output) = (BASE64.encode(self.salt), BASE64.encode(random));
        format!("${}${:02}${salt}{output}", self.version, self.cost)
    }
}

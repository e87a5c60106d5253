use std::fmt;

use aws_lc_rs::{
    encoding::AsDer,
    hmac,
    rsa::{PublicEncryptingKey, PublicKey},
    signature::{self, ParsedPublicKey, RsaParameters, RsaPublicKeyComponents, VerificationAlgorithm},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{
    AlgorithmFamily, DecodingKey, DecodingKeyKind,
    jwk::{AlgorithmParameters, EllipticCurve, Jwk, JwkSet, KeyOperations, PublicKeyUse},
};

use super::Algorithm;
use crate::{ConfigError, Secret};

/// One key, for one algorithm, parsed once.
pub struct Key {
    id: Option<String>,
    algorithm: Algorithm,
    material: Material,
}

enum Material {
    Shared(Box<hmac::Key>),
    Public(ParsedPublicKey),
}

impl Key {
    /// A shared secret for HS256, HS384 or HS512.
    ///
    /// # Errors
    ///
    /// When the algorithm is another, or the secret is shorter than the hash's output (RFC 7518
    /// section 3.2). A password is no secret: take random bytes.
    pub fn hmac(algorithm: Algorithm, secret: impl Into<Secret>) -> Result<Self, ConfigError> {
        let key = hmac_key(algorithm, &secret.into())?;
        Ok(Self { id: None, algorithm, material: Material::Shared(Box::new(key)) })
    }

    /// A public key in PEM: `PUBLIC KEY`, or `RSA PUBLIC KEY`.
    ///
    /// # Errors
    ///
    /// When it is not one PEM document of those kinds, or not a key for this algorithm: of another
    /// type or curve, or RSA with fewer than 2,048 bits.
    pub fn from_pem(algorithm: Algorithm, pem: impl AsRef<[u8]>) -> Result<Self, ConfigError> {
        let (label, der) = pem_rfc7468::decode_vec(pem.as_ref().trim_ascii())
            .map_err(|error| ConfigError::because("the key is not in PEM (RFC 7468)", error))?;
        match label {
            "PUBLIC KEY" | "RSA PUBLIC KEY" => Self::from_der(algorithm, &der),
            "PRIVATE KEY" | "RSA PRIVATE KEY" | "EC PRIVATE KEY" => Err(ConfigError::new(
                "this is a private key: tokens are verified with the public key alone, and the \
                 private one should not be on this machine",
            )),
            other => Err(ConfigError::new(format!(
                "PEM label `{other}`: a `PUBLIC KEY` or an `RSA PUBLIC KEY` is needed"
            ))),
        }
    }

    /// A public key in DER: a `SubjectPublicKeyInfo` (RFC 5280), an RSA `RSAPublicKey` (RFC 8017), an
    /// uncompressed point, or the 32 bytes of an Ed25519 key.
    ///
    /// # Errors
    ///
    /// When it is not a key for this algorithm.
    pub fn from_der(algorithm: Algorithm, der: &[u8]) -> Result<Self, ConfigError> {
        let key = ParsedPublicKey::new(public_algorithm(algorithm)?, der)
            .map_err(|error| ConfigError::because(not_a_key_for(algorithm), error))?;
        Self::from_public(algorithm, key)
    }

    /// A JSON Web Key (RFC 7517) that says which algorithm it is for: by `alg`, or by its curve.
    ///
    /// # Errors
    ///
    /// When it does not say so, is not for verifying signatures (`use`, `key_ops`), or is not a sound
    /// key for the algorithm. For an RSA key without `alg`, see [`from_jwk_for`](Self::from_jwk_for).
    pub fn from_jwk(jwk: &Jwk) -> Result<Self, ConfigError> {
        let named = jwk.common.key_algorithm.map(Algorithm::try_from).transpose();
        let named = named.map_err(|error| {
            ConfigError::because(format!("{}: its `alg` is not for signatures", name(jwk)), error)
        })?;
        let algorithm = named.or_else(|| by_curve(&jwk.algorithm)).ok_or_else(|| {
            ConfigError::new(format!(
                "{} does not say which algorithm it is for; name it with `Key::from_jwk_for`",
                name(jwk)
            ))
        })?;
        Self::from_jwk_for(algorithm, jwk)
    }

    /// A JSON Web Key for this algorithm.
    ///
    /// # Errors
    ///
    /// When its own `alg` is another, it is not for verifying signatures (`use`, `key_ops`), or it is
    /// not a sound key for the algorithm.
    pub fn from_jwk_for(algorithm: Algorithm, jwk: &Jwk) -> Result<Self, ConfigError> {
        let refused = |why: &str| ConfigError::new(format!("{} {why}", name(jwk)));
        let common = &jwk.common;
        if !is_for_signatures(jwk) {
            return Err(refused("is not for signatures (`use`)"));
        }
        if common.key_operations.as_ref().is_some_and(|ops| !ops.contains(&KeyOperations::Verify)) {
            return Err(refused("is not for verifying (`key_ops`)"));
        }
        if common.key_algorithm.is_some_and(|alg| Algorithm::try_from(alg) != Ok(algorithm)) {
            return Err(refused("is for another algorithm (`alg`)"));
        }
        let bytes = |text: &str| {
            URL_SAFE_NO_PAD.decode(text).map_err(|_| refused("has a part that is not base64url"))
        };
        let key = match &jwk.algorithm {
            AlgorithmParameters::OctetKey(oct) => Self::hmac(algorithm, bytes(&oct.value)?),
            AlgorithmParameters::RSA(rsa) => {
                Self::from_rsa_components(algorithm, &bytes(&rsa.n)?, &bytes(&rsa.e)?)
            }
            AlgorithmParameters::EllipticCurve(_) if by_curve(&jwk.algorithm) != Some(algorithm) => {
                return Err(refused("is on a curve that is not the algorithm's (`crv`)"));
            }
            AlgorithmParameters::EllipticCurve(ec) => {
                // An uncompressed point (SEC 1 section 2.3.3); each part has the field's length.
                let (x, y) = (bytes(&ec.x)?, bytes(&ec.y)?);
                if x.len() != y.len() {
                    return Err(refused("has coordinates of unequal length"));
                }
                Self::from_der(algorithm, &[&[4], &x[..], &y[..]].concat())
            }
            AlgorithmParameters::OctetKeyPair(okp) if okp.curve == EllipticCurve::Ed25519 => {
                let x = bytes(&okp.x)?;
                if x.len() != 32 {
                    return Err(refused("is not an Ed25519 key: `x` has another length than 32 bytes"));
                }
                Self::from_der(algorithm, &x)
            }
            _ => return Err(refused("is of a type that is not supported (`kty`, `crv`)")),
        };
        let key = key.map_err(|error| ConfigError::because(name(jwk), error))?;
        Ok(Self { id: common.key_id.clone(), ..key })
    }

    /// A key that was made for the crate `jsonwebtoken`, for this algorithm.
    ///
    /// # Errors
    ///
    /// When it is not a sound key for the algorithm.
    pub fn from_decoding_key(algorithm: Algorithm, key: &DecodingKey) -> Result<Self, ConfigError> {
        if key.family() != algorithm.family() {
            return Err(unfit(algorithm, "a key of another family"));
        }
        match key.kind() {
            DecodingKeyKind::SecretOrDer(secret) if key.family() == AlgorithmFamily::Hmac => {
                Self::hmac(algorithm, secret.as_slice())
            }
            DecodingKeyKind::SecretOrDer(der) => Self::from_der(algorithm, der),
            DecodingKeyKind::RsaModulusExponent { n, e } => Self::from_rsa_components(algorithm, n, e),
        }
    }

    /// Gives the key an id: tokens whose header has this `kid` are verified with it.
    pub fn id(mut self, kid: impl Into<String>) -> Self {
        self.id = Some(kid.into());
        self
    }

    /// A key of a set that others can read: a secret in it is none.
    fn from_published_jwk(jwk: &Jwk) -> Result<Self, ConfigError> {
        match jwk.algorithm {
            AlgorithmParameters::OctetKey(_) => Err(ConfigError::new(format!(
                "{} is a shared secret, which does not belong into a set of public keys",
                name(jwk)
            ))),
            _ => Self::from_jwk(jwk),
        }
    }

    fn from_rsa_components(algorithm: Algorithm, n: &[u8], e: &[u8]) -> Result<Self, ConfigError> {
        let params = rsa_algorithm(algorithm).ok_or_else(|| unfit(algorithm, "an RSA key"))?;
        let key = RsaPublicKeyComponents { n, e }
            .to_parsed_public_key(params)
            .map_err(|error| ConfigError::because(not_a_key_for(algorithm), error))?;
        Self::from_public(algorithm, key)
    }

    fn from_public(algorithm: Algorithm, key: ParsedPublicKey) -> Result<Self, ConfigError> {
        if algorithm.family() == AlgorithmFamily::Rsa {
            // The parser takes any size and the verifier refuses each signature: refuse it here.
            let der =
                key.as_der().map_err(|error| ConfigError::because(not_a_key_for(algorithm), error))?;
            let sound = PublicEncryptingKey::from_der(der.as_ref()).is_ok();
            if !sound {
                return Err(ConfigError::new(
                    "the RSA key has fewer than 2048 or more than 8192 bits (RFC 7518 section 3.3)",
                ));
            }
            if PublicKey::from_der(der.as_ref()).is_ok_and(|key| has_roca_mark(modulus(&key))) {
                return Err(ConfigError::new(
                    "the RSA key comes from a faulty generator and can be factored (CVE-2017-15361); \
                     make another",
                ));
            }
        }
        Ok(Self { id: None, algorithm, material: Material::Public(key) })
    }

    pub(super) fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        match &self.material {
            Material::Shared(key) => hmac::verify(key, message, signature).is_ok(),
            Material::Public(key) => key.verify_sig(message, signature).is_ok(),
        }
    }

    fn is_shared(&self) -> bool {
        matches!(self.material, Material::Shared(_))
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key")
            .field("id", &self.id)
            .field("algorithm", &self.algorithm)
            .finish_non_exhaustive()
    }
}

/// The keys that tokens are verified with.
#[derive(Debug)]
pub struct Keys(Vec<Key>);

impl Keys {
    /// Keys that can be told apart.
    ///
    /// # Errors
    ///
    /// When there are none; two have one id; two without an id are for one algorithm; or a shared
    /// secret stands beside a public key (whoever may verify with the one could then sign for the
    /// other).
    pub fn new(keys: impl IntoIterator<Item = Key>) -> Result<Self, ConfigError> {
        let keys: Vec<Key> = keys.into_iter().collect();
        let Some(first) = keys.first() else {
            return Err(ConfigError::new("there is no key to verify tokens with"));
        };
        if keys.iter().any(|key| key.is_shared() != first.is_shared()) {
            return Err(ConfigError::new(
                "a shared secret and a public key in one set: use a set for each, in a layer for each",
            ));
        }
        for (at, key) in keys.iter().enumerate() {
            let twin = keys[..at].iter().find(|other| match (&key.id, &other.id) {
                (Some(id), Some(other)) => id == other,
                (None, None) => key.algorithm == other.algorithm,
                _ => false,
            });
            if let Some(twin) = twin {
                return Err(ConfigError::new(format!(
                    "two keys cannot be told apart: {key:?} and {twin:?}; give each an id of its own"
                )));
            }
        }
        Ok(Self(keys))
    }

    /// The keys of a JWK set (RFC 7517 section 5) that can be used; at least one. The others are
    /// passed over, each with a warning in the log that names it.
    ///
    /// # Errors
    ///
    /// When no key is left, or those left cannot stand together.
    pub fn from_jwks(jwks: &JwkSet) -> Result<Self, ConfigError> {
        // Also where one of two cannot be used: nobody can tell which of them the issuer means.
        let meant = jwks.keys.iter().filter(|jwk| is_for_signatures(jwk));
        let mut ids: Vec<_> = meant.filter_map(|jwk| jwk.common.key_id.as_ref()).collect();
        ids.sort_unstable();
        if let Some([id, ..]) = ids.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(ConfigError::new(format!(
                "two keys of the JWK set cannot be told apart: both have the id {id:?}"
            )));
        }
        let usable = jwks.keys.iter().filter_map(|jwk| match Key::from_published_jwk(jwk) {
            Ok(key) => Some(key),
            Err(error) => {
                let cause = std::error::Error::source(&error).map(ToString::to_string);
                tracing::warn!(%error, cause, "a key of the JWK set is passed over");
                None
            }
        });
        Self::new(usable)
    }

    /// The one key that a token is to be verified with.
    pub(super) fn choose(&self, alg: &str, kid: Option<&str>) -> Result<&Key, &'static str> {
        let algorithm: Algorithm = alg.parse().map_err(|_| "jwt.alg")?;
        let of_id = self.0.iter().find(|key| kid.is_some() && key.id.as_deref() == kid);
        if let Some(key) = of_id {
            return if key.algorithm == algorithm { Ok(key) } else { Err("jwt.alg") };
        }
        // A `kid` that is not known may still belong to a key that was given no id.
        let mut fitting = self
            .0
            .iter()
            .filter(|key| key.algorithm == algorithm && (kid.is_none() || key.id.is_none()));
        match (fitting.next(), fitting.next()) {
            (Some(key), None) => Ok(key),
            (None, _) => Err("jwt.no_key"),
            (Some(_), Some(_)) => Err("jwt.ambiguous_key"),
        }
    }
}

pub(super) fn hmac_key(algorithm: Algorithm, secret: &Secret) -> Result<hmac::Key, ConfigError> {
    let hash = match algorithm {
        Algorithm::HS256 => hmac::HMAC_SHA256,
        Algorithm::HS384 => hmac::HMAC_SHA384,
        Algorithm::HS512 => hmac::HMAC_SHA512,
        other => return Err(unfit(other, "a shared secret")),
    };
    if secret.expose().trim_ascii_start().starts_with(b"-----BEGIN") {
        return Err(ConfigError::new(
            "this is a key in PEM, not a shared secret: use it with its own algorithm (`Key::from_pem`)",
        ));
    }
    let least = hash.digest_algorithm().output_len();
    if secret.len() < least {
        return Err(ConfigError::new(format!(
            "the secret for {algorithm:?} has {} bytes; RFC 7518 section 3.2 wants at least {least}",
            secret.len()
        )));
    }
    Ok(hmac::Key::new(hash, secret.expose()))
}

fn is_for_signatures(jwk: &Jwk) -> bool {
    matches!(jwk.common.public_key_use, None | Some(PublicKeyUse::Signature))
}

/// The algorithm that a curve is for (RFC 7518 section 3.4, RFC 8037 section 3.1).
fn by_curve(key: &AlgorithmParameters) -> Option<Algorithm> {
    match key {
        AlgorithmParameters::EllipticCurve(ec) => match ec.curve {
            EllipticCurve::P256 => Some(Algorithm::ES256),
            EllipticCurve::P384 => Some(Algorithm::ES384),
            _ => None,
        },
        AlgorithmParameters::OctetKeyPair(okp) if okp.curve == EllipticCurve::Ed25519 => {
            Some(Algorithm::EdDSA)
        }
        _ => None,
    }
}

fn public_algorithm(algorithm: Algorithm) -> Result<&'static dyn VerificationAlgorithm, ConfigError> {
    Ok(match algorithm {
        Algorithm::ES256 => &signature::ECDSA_P256_SHA256_FIXED,
        Algorithm::ES384 => &signature::ECDSA_P384_SHA384_FIXED,
        Algorithm::EdDSA => &signature::ED25519,
        other => rsa_algorithm(other).ok_or_else(|| unfit(other, "a public key"))?,
    })
}

fn rsa_algorithm(algorithm: Algorithm) -> Option<&'static RsaParameters> {
    Some(match algorithm {
        Algorithm::RS256 => &signature::RSA_PKCS1_2048_8192_SHA256,
        Algorithm::RS384 => &signature::RSA_PKCS1_2048_8192_SHA384,
        Algorithm::RS512 => &signature::RSA_PKCS1_2048_8192_SHA512,
        Algorithm::PS256 => &signature::RSA_PSS_2048_8192_SHA256,
        Algorithm::PS384 => &signature::RSA_PSS_2048_8192_SHA384,
        Algorithm::PS512 => &signature::RSA_PSS_2048_8192_SHA512,
        _ => return None,
    })
}

fn unfit(algorithm: Algorithm, what: &str) -> ConfigError {
    ConfigError::new(format!("{algorithm:?} does not work with {what}"))
}

fn not_a_key_for(algorithm: Algorithm) -> String {
    format!("this is not a key for {algorithm:?}: of another type or curve, or damaged")
}

fn name(jwk: &Jwk) -> String {
    match &jwk.common.key_id {
        Some(kid) => format!("the JWK {kid:?}"),
        None => "a JWK without `kid`".to_owned(),
    }
}

/// Whether a modulus has the mark of CVE-2017-15361 (ROCA): modulo each of these primes it is a power of
/// 65537. By chance, one in 2^27 has it.
fn has_roca_mark(modulus: &[u8]) -> bool {
    const PRIMES: [u32; 17] =
        [11, 13, 17, 19, 37, 53, 61, 71, 73, 79, 97, 103, 107, 109, 127, 151, 157];
    PRIMES.iter().all(|prime| {
        let rest = modulus.iter().fold(0, |rest, byte| (rest * 256 + u32::from(*byte)) % prime);
        let powers = std::iter::successors(Some(1), |power| Some(power * 65537 % prime));
        powers.take(*prime as usize).any(|power| power == rest)
    })
}

/// The modulus of an `RSAPublicKey` (RFC 8017 appendix A.1.1) of 2,048 to 8,192 bits: it follows the heads
/// of the sequence and of the integer, each of which has a length in two bytes.
fn modulus(key: &PublicKey) -> &[u8] {
    match key.as_ref() {
        [0x30, 0x82, _, _, 0x02, 0x82, high, low, rest @ ..] => {
            rest.get(..usize::from(*high) * 256 + usize::from(*low)).unwrap_or_default()
        }
        _ => &[],
    }
}

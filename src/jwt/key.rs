use std::fmt;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{
    AlgorithmFamily, DecodingKey, DecodingKeyKind,
    jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyOperations},
};

use super::{
    Algorithm,
    admission::{LONGEST_ID, by_curve, is_for_signatures, name, public_key, shared_key, unfit},
    backend::{PublicKey, SharedKey},
};
use crate::{ConfigError, Secret};

/// One key, for one algorithm, parsed once.
pub struct Key {
    pub(super) id: Option<String>,
    pub(super) algorithm: Algorithm,
    material: Material,
}

enum Material {
    Shared(Box<SharedKey>),
    Public(PublicKey),
}

impl Key {
    /// A shared secret for HS256, HS384 or HS512.
    ///
    /// # Errors
    ///
    /// When the algorithm is another, or the secret is shorter than the hash's output (RFC 7518
    /// section 3.2). A password is no secret: take random bytes.
    pub fn hmac(algorithm: Algorithm, secret: impl Into<Secret>) -> Result<Self, ConfigError> {
        let key = shared_key(algorithm, &secret.into())?;
        Ok(Self { id: None, algorithm, material: Material::Shared(Box::new(key)) })
    }

    /// A public key in PEM: `PUBLIC KEY`, or `RSA PUBLIC KEY`.
    ///
    /// # Errors
    ///
    /// When it is not one PEM document of those kinds, or not a key for this algorithm: of another
    /// type or curve, RSA with fewer than 2,048 bits, or known to be weak.
    pub fn from_pem(algorithm: Algorithm, pem: impl AsRef<[u8]>) -> Result<Self, ConfigError> {
        let (label, der) = pem_rfc7468::decode_vec(pem.as_ref().trim_ascii()).map_err(|error| {
            ConfigError::because(format!("the key for {algorithm:?} is not in PEM (RFC 7468)"), error)
        })?;
        match label {
            "PUBLIC KEY" | "RSA PUBLIC KEY" => Self::from_der(algorithm, &der),
            "PRIVATE KEY" | "RSA PRIVATE KEY" | "EC PRIVATE KEY" => Err(ConfigError::new(format!(
                "the key for {algorithm:?} is a private key: tokens are verified with the public key alone, \
                 and the private one should not be on this machine"
            ))),
            other => Err(ConfigError::new(format!(
                "the key for {algorithm:?} has the PEM label `{other}`: a `PUBLIC KEY` or an `RSA PUBLIC KEY` is \
                 needed"
            ))),
        }
    }

    /// A public key in DER: a `SubjectPublicKeyInfo` (RFC 5280), an RSA `RSAPublicKey` (RFC 8017), an
    /// uncompressed point, or the 32 bytes of an Ed25519 key.
    ///
    /// # Errors
    ///
    /// When it is not a key for this algorithm, as of [`from_pem`](Self::from_pem).
    pub fn from_der(algorithm: Algorithm, der: &[u8]) -> Result<Self, ConfigError> {
        Self::from_public(algorithm, PublicKey::from_der(algorithm, der))
    }

    /// A JSON Web Key (RFC 7517) that says which algorithm it is for: by `alg`, or by its curve.
    ///
    /// # Errors
    ///
    /// When it does not say so, is not for verifying signatures (`use`, `key_ops`), or is not a sound
    /// key for the algorithm. For an RSA key without `alg`, see [`from_jwk_for`](Self::from_jwk_for).
    pub fn from_jwk(jwk: &Jwk) -> Result<Self, ConfigError> {
        let name = || name(jwk.common.key_id.as_deref());
        let named = jwk.common.key_algorithm.map(Algorithm::try_from).transpose();
        let named = named.map_err(|error| {
            ConfigError::because(format!("{}: its `alg` is not for signatures", name()), error)
        })?;
        let algorithm = named.or_else(|| by_curve(&jwk.algorithm)).ok_or_else(|| {
            ConfigError::new(format!(
                "{} does not say which algorithm it is for (`alg`): name it, with `Key::from_jwk_for` or \
                 `Keys::from_jwks_for`",
                name()
            ))
        })?;
        Self::from_jwk_for(algorithm, jwk)
    }

    /// A JSON Web Key for this algorithm.
    ///
    /// # Errors
    ///
    /// When its own `alg` is another, it is not for verifying signatures (`use`, `key_ops`), its `kid` has more
    /// than 256 bytes, or it is not a sound key for the algorithm.
    pub fn from_jwk_for(algorithm: Algorithm, jwk: &Jwk) -> Result<Self, ConfigError> {
        let common = &jwk.common;
        let name = || name(common.key_id.as_deref());
        let refused = |why: &str| ConfigError::new(format!("{} {why}", name()));
        if common.key_id.as_ref().is_some_and(|kid| kid.len() > LONGEST_ID) {
            return Err(refused("is refused: 256 are the most"));
        }
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
        let key = key.map_err(|error| ConfigError::because(name(), error))?;
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

    /// Gives the key an id, of 256 bytes at most: tokens whose header has this `kid` are verified with it.
    pub fn id(mut self, kid: impl Into<String>) -> Self {
        self.id = Some(kid.into());
        self
    }

    /// A key of a set that others can read: a secret in it is none. An RSA key that does not say its
    /// algorithm is for this one.
    pub(super) fn from_published_jwk(jwk: &Jwk, rsa: Option<Algorithm>) -> Result<Self, ConfigError> {
        match (&jwk.algorithm, rsa) {
            (AlgorithmParameters::OctetKey(_), _) => Err(ConfigError::new(format!(
                "{} is a shared secret, which does not belong into a set of public keys",
                name(jwk.common.key_id.as_deref())
            ))),
            (AlgorithmParameters::RSA(_), Some(rsa)) if jwk.common.key_algorithm.is_none() => {
                Self::from_jwk_for(rsa, jwk)
            }
            _ => Self::from_jwk(jwk),
        }
    }

    fn from_rsa_components(algorithm: Algorithm, n: &[u8], e: &[u8]) -> Result<Self, ConfigError> {
        if algorithm.family() != AlgorithmFamily::Rsa {
            return Err(unfit(algorithm, "an RSA key"));
        }
        Self::from_public(algorithm, PublicKey::from_rsa(algorithm, n, e))
    }

    fn from_public(algorithm: Algorithm, parsed: Option<PublicKey>) -> Result<Self, ConfigError> {
        let key = public_key(algorithm, parsed)?;
        Ok(Self { id: None, algorithm, material: Material::Public(key) })
    }

    pub(super) fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        match &self.material {
            Material::Shared(key) => key.verify(message, signature),
            Material::Public(key) => key.verify(message, signature),
        }
    }

    pub(super) fn is_shared(&self) -> bool {
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

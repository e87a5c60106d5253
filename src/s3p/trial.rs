use smallvec::SmallVec;

use super::{
    AccessKey, Dialect, TimestampUnit, key::MOST_DIALECTS, signable::Signable, signing_key::SigningKey,
    text::Text,
};

/// What a key could list that makes other texts: for a key that lists less, and for a token that nobody has.
const OTHERS: [Dialect; MOST_DIALECTS] =
    [Dialect::STRICT, Dialect::MAVIANCE_NODEJS, Dialect::MAVIANCE_JAVA, Dialect::NDOLE_GO];

/// Compares a signature with what a request may be signed as.
///
/// Whoever fails has cost the same, so that no time tells which tokens there are, nor how their keys are set: two
/// signatures, as by a present secret and a previous one, of each text. There is one text, or, for a request
/// that some dialect signs in another way, as many as a key may list dialects. What is missing is made up by a
/// key that nobody has.
pub(super) struct Trial<'r, 's> {
    request: Signable<'r, 's>,
    unit: TimestampUnit,
    signature: &'r [u8],
    nobody: &'r SigningKey,
    /// Whose texts were compared.
    tried: SmallVec<[Dialect; MOST_DIALECTS]>,
    text: Text,
}

impl<'r, 's> Trial<'r, 's> {
    pub(super) fn new(
        request: Signable<'r, 's>,
        unit: TimestampUnit,
        signature: &'r [u8],
        nobody: &'r SigningKey,
    ) -> Self {
        Self { request, unit, signature, nobody, tried: SmallVec::new(), text: Text::new() }
    }

    /// Gives back the key that has made the signature, if it is this one. The error is a stable code.
    pub(super) fn judge(&mut self, key: Option<AccessKey>) -> Result<AccessKey, &'static str> {
        let verdict = key.ok_or("s3p.unknown_token").and_then(|key| self.compare(&key).map(|()| key));
        if verdict.is_err() {
            self.finish_in_vain();
        }
        verdict
    }

    fn compare(&mut self, key: &AccessKey) -> Result<(), &'static str> {
        if !key.takes(self.request.stamp.method) {
            return Err("s3p.signature_method");
        }
        let mut reason = "s3p.dialect";
        for dialect in key.dialects_in(self.unit) {
            // Of ordinary values, all dialects make one text.
            if self.tried.iter().any(|tried| !self.request.differs(*tried, dialect)) {
                continue;
            }
            if self.write(dialect).is_err() {
                self.compare_in_vain();
                continue;
            }
            if key.has_made(self.signature, self.text.as_bytes(), self.nobody) {
                return Ok(());
            }
            reason = "s3p.signature";
        }
        Err(reason)
    }

    fn finish_in_vain(&mut self) {
        let texts = if self.request.is_alike_in_all() { 1 } else { MOST_DIALECTS };
        for dialect in OTHERS.iter().take(texts).skip(self.tried.len()) {
            // Whether or not it is signed so, it is as long.
            let _ = self.write(*dialect);
            self.compare_in_vain();
        }
    }

    fn write(&mut self, dialect: Dialect) -> Result<(), &'static str> {
        self.tried.push(dialect);
        self.text.clear();
        self.request.write_base_string(dialect, &mut self.text)
    }

    fn compare_in_vain(&self) {
        self.nobody.verify(self.text.as_bytes(), self.signature);
        self.nobody.verify(self.text.as_bytes(), self.signature);
    }
}

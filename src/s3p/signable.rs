use http::Method;

use super::{
    Dialect, Encoding, PublicUrl, Stamp, dialect::is_encoded_variously, params::Sent, text::Text,
};

/// All of a request that is signed, before a dialect makes a text of it.
#[derive(Clone, Copy)]
pub(super) struct Signable<'r, 's> {
    pub(super) method: &'r Method,
    pub(super) url: &'r PublicUrl,
    /// Behind the URL.
    pub(super) path: &'r str,
    pub(super) sent: &'r Sent<'s>,
    pub(super) stamp: Stamp<'r>,
    /// Whether the stamp is known to be the same in every encoding.
    pub(super) has_plain_stamp: bool,
}

impl Signable<'_, '_> {
    /// Step 1, for people to read.
    pub(super) fn parameter_string(&self, dialect: Dialect) -> String {
        let Stamp { nonce, timestamp, token, method } = self.stamp;
        let own = [
            ("s3pAuth_nonce", nonce),
            ("s3pAuth_signature_method", method.as_str()),
            ("s3pAuth_timestamp", timestamp),
            ("s3pAuth_token", token),
        ];
        let params = self.sent.signed_in(dialect);
        let text = |(key, value): (&str, &str)| format!("{key}={value}");
        let pairs = params.before().chain(own).chain(params.after());
        pairs.map(text).collect::<Vec<_>>().join("&")
    }

    /// Step 2. The error is the stable code of why this text is signed by nobody: it is as long as if it was.
    pub(super) fn write_base_string(
        &self,
        dialect: Dialect,
        onto: &mut Text,
    ) -> Result<(), &'static str> {
        #[cfg(test)]
        super::work::count_text();
        let Stamp { nonce, timestamp, token, method } = self.stamp;
        let encoding = dialect.encoding;
        let params = self.sent.signed_in(dialect);
        onto.push(self.method.as_str().as_bytes());
        onto.push(b"&");
        self.url.encode(encoding, onto);
        onto.encode(self.path, encoding);
        onto.push(b"&");
        for (key, value) in params.before() {
            write_pair(key, value, encoding, onto);
            onto.push(b"%26");
        }
        // The scheme's own names are the same in every encoding.
        onto.push(b"s3pAuth_nonce%3D");
        self.write_stamped(nonce, encoding, onto);
        onto.push(b"%26s3pAuth_signature_method%3D");
        onto.push(method.as_str().as_bytes());
        onto.push(b"%26s3pAuth_timestamp%3D");
        self.write_stamped(timestamp, encoding, onto);
        onto.push(b"%26s3pAuth_token%3D");
        self.write_stamped(token, encoding, onto);
        for (key, value) in params.after() {
            onto.push(b"%26");
            write_pair(key, value, encoding, onto);
        }
        params.is_signed()
    }

    /// The nonce, the timestamp, or the token.
    fn write_stamped(&self, text: &str, encoding: Encoding, onto: &mut Text) {
        if self.has_plain_stamp {
            onto.push(text.as_bytes());
        } else {
            onto.encode(text, encoding);
        }
    }

    /// Whether two dialects may sign this request as two texts. They may not, if not.
    pub(super) fn differs(&self, one: Dialect, other: Dialect) -> bool {
        (one.trim != other.trim && self.sent.has_outer_blanks())
            || (one.encoding != other.encoding && self.has_encoded_variously())
            || (one.order != other.order && self.sent.has_key_within_key())
            || (one.values != other.values && self.sent.has_value_of_various_texts())
    }

    /// Whether every dialect signs this request as the same text.
    pub(super) fn is_alike_in_all(&self) -> bool {
        !(self.sent.has_outer_blanks()
            || self.has_encoded_variously()
            || self.sent.has_key_within_key()
            || self.sent.has_value_of_various_texts())
    }

    /// Whether anything has a character that one encoding leaves, or encodes in another way.
    fn has_encoded_variously(&self) -> bool {
        let Stamp { nonce, token, .. } = self.stamp;
        let texts = [self.url.as_str(), self.path, nonce, token];
        texts.into_iter().chain(self.sent.texts()).any(|text| text.bytes().any(is_encoded_variously))
    }
}

fn write_pair(key: &str, value: &str, encoding: Encoding, onto: &mut Text) {
    onto.encode(key, encoding);
    onto.push(b"%3D");
    onto.encode(value, encoding);
}

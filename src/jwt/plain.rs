//! Claims as most issuers write them, read without a general parser of JSON.
//!
//! Plain is an object of strings without escapes, whole numbers, arrays of such strings, `true`, `false` and `null`, and
//! no white space. What is anything else, or no JSON at all, is left to serde_json, and so is the last word: a
//! property test has both read the same texts.

use std::{borrow::Cow, time::Duration};

use memchr::memchr;

use crate::claim::{self, Value};

/// Hands on each member of a plain object. `None`: it is none, or a member was not taken.
pub(super) fn read<'j>(
    json: &'j str,
    mut take: impl FnMut(&'j str, Value<'j>) -> Option<()>,
) -> Option<()> {
    if !is_plain(json) {
        return None;
    }
    let mut rest = Rest(json);
    rest.eat("{\"")?;
    loop {
        let name = rest.string()?;
        rest.eat(":")?;
        take(name, rest.value()?)?;
        if rest.eat(",\"").is_none() {
            break;
        }
    }
    rest.eat("}")?;
    rest.0.is_empty().then_some(())
}

/// Whether there are neither escapes nor control characters. All bytes are looked at, so that many can be together.
#[expect(clippy::needless_bitwise_bool, reason = "so that all are")]
fn is_plain(json: &str) -> bool {
    json.bytes().fold(true, |so_far, byte| so_far & (byte >= 0x20) & (byte != b'\\'))
}

/// What has not been read yet.
struct Rest<'j>(&'j str);

impl<'j> Rest<'j> {
    fn eat(&mut self, text: &str) -> Option<()> {
        self.0 = self.0.strip_prefix(text)?;
        Some(())
    }

    /// Of a string, what follows the first quotation mark.
    fn string(&mut self) -> Option<&'j str> {
        let end = memchr(b'"', self.0.as_bytes())?;
        let text = &self.0[..end];
        self.0 = &self.0[end + 1..];
        Some(text)
    }

    fn value(&mut self) -> Option<Value<'j>> {
        match self.0.as_bytes().first()? {
            b'"' => {
                self.eat("\"")?;
                self.string().map(|text| Value::Text(Cow::Borrowed(text)))
            }
            b'0'..=b'9' => self.number(),
            b'[' => self.list(),
            _ => {
                let words = ["true", "false", "null"];
                words.into_iter().find_map(|word| self.eat(word)).map(|()| Value::Other)
            }
        }
    }

    /// Digits that an integer of 64 bits holds, whatever they are.
    fn number(&mut self) -> Option<Value<'j>> {
        let is_digit = |byte: &&u8| byte.is_ascii_digit();
        let (digits, rest) = self.0.split_at(self.0.bytes().take_while(|byte| is_digit(&byte)).count());
        let has_leading_zero = digits.len() > 1 && digits.starts_with('0');
        if has_leading_zero || digits.len() > 19 || !rest.starts_with([',', '}']) {
            return None;
        }
        self.0 = rest;
        digits.parse().ok().map(|seconds| claim::date(Duration::from_secs(seconds)))
    }

    fn list(&mut self) -> Option<Value<'j>> {
        let mut texts = Vec::new();
        self.eat("[\"")?;
        loop {
            texts.push(Cow::Borrowed(self.string()?));
            if self.eat(",\"").is_none() {
                break;
            }
        }
        self.eat("]")?;
        Some(Value::List(texts))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What is read of a text, by name.
    type Found = Vec<(String, String)>;

    fn by_hand(json: &str) -> Option<Found> {
        let mut found = Vec::new();
        read(json, |name, value| {
            found.push((name.to_owned(), format!("{value:?}")));
            Some(())
        })?;
        Some(found)
    }

    fn by_serde(json: &str) -> Option<Found> {
        let object = crate::json::Object::parse_names(json.as_bytes())?;
        let member = |(name, value): &(Cow<'_, str>, &serde_json::value::RawValue)| {
            let value: Value<'_> = serde_json::from_str(value.get()).ok()?;
            Some((name.clone().into_owned(), format!("{value:?}")))
        };
        object.members().iter().map(member).collect()
    }

    /// Texts that are plain, nearly so, or broken somewhere.
    fn text() -> impl Strategy<Value = String> {
        let string = prop_oneof!["[a-z:/. é]{0,6}", r#"[a-z\\"\x00-\x1f]{0,3}"#]
            .prop_map(|s| format!("\"{s}\""));
        let value = prop_oneof![
            4 => string.clone(),
            3 => "[0-9]{1,21}",
            1 => "-?[0-9]{0,3}[.eE]?[0-9]{0,3}",
            2 => prop::collection::vec(string.clone(), 0..3).prop_map(|list| format!("[{}]", list.join(","))),
            1 => prop_oneof![Just("true"), Just("false"), Just("null"), Just("{}"), Just("[1]"), Just("tru")]
                .prop_map(str::to_owned),
        ];
        let member = (string, value).prop_map(|(name, value)| format!("{name}:{value}"));
        let object =
            prop::collection::vec(member, 0..5).prop_map(|all| format!("{{{}}}", all.join(",")));
        (object, any::<prop::sample::Index>(), prop::option::of("[ ,:}{\"\\[\\]0-9a]"), any::<bool>())
            .prop_map(|(object, at, odd, instead)| {
                let Some(odd) = odd else { return object };
                let ends: Vec<usize> = object.char_indices().map(|(at, _)| at).collect();
                let at = *at.get(&ends);
                let rest = &object[at..];
                let skipped = if instead { rest.chars().next().map_or(0, char::len_utf8) } else { 0 };
                format!("{}{odd}{}", &object[..at], &rest[skipped..])
            })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4_000))]

        #[test]
        fn what_is_read_by_hand_is_what_serde_json_reads(json in text()) {
            if let Some(found) = by_hand(&json) {
                // Names that occur twice are looked for by whoever takes them.
                let mut names: Vec<_> = found.iter().map(|(name, _)| name).collect();
                names.sort();
                names.dedup();
                if names.len() == found.len() {
                    prop_assert_eq!(Some(found), by_serde(&json));
                }
            }
        }
    }

    #[test]
    fn what_issuers_write_is_read_by_hand() {
        for json in [
            r#"{"iss":"https://id.example.org","sub":"é","aud":["a","b"],"exp":1700000000,"email_verified":true}"#,
            r#"{"a":0}"#,
        ] {
            assert!(by_hand(json).is_some(), "{json}");
        }
    }
}

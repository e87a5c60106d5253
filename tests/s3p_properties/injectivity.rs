//! Two requests that are both accepted never have one parameter string, unless they are one request.
//!
//! The scheme joins names and values without encoding them, so most of the care of the layer goes
//! into this. It is looked at from two sides: all small requests are compared with each other; and of
//! a request at random, every other way to read its parameter string is tried.

use std::collections::{BTreeMap, HashMap};

use portcullis::s3p::{SignatureMethod, SigningInput, Stamp};
use proptest::prelude::*;

use crate::{encode, s3p_support::*};

/// What a request says: its parameters, trimmed and sorted, and the three values of the header.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
struct Meaning {
    parameters: Vec<(String, String)>,
    nonce: String,
    timestamp: String,
    token: String,
}

impl Meaning {
    fn of(pairs: &[(&str, &str)]) -> Self {
        let blank = |c: char| matches!(c, ' ' | '\t' | '\n' | '\r');
        let pairs = pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.trim_matches(blank).to_owned()));
        let mut parameters: Vec<_> = pairs.collect();
        parameters.sort();
        Self { parameters, nonce: "n".to_owned(), timestamp: NOW.to_string(), token: "k".to_owned() }
    }

    /// The parameter string, if the layer would look at such a request.
    fn signed(&self) -> Option<String> {
        // What the header could not carry, no request has.
        let Self { parameters, nonce, timestamp, token } = self;
        let opaque = |text: &str| {
            let allowed =
                |byte: u8| matches!(byte, b'!'..=b'~') && !matches!(byte, b'"' | b'&' | b'\\');
            (1..=128).contains(&text.len()) && text.bytes().all(allowed)
        };
        // Seconds or milliseconds.
        let time =
            matches!(timestamp.len(), 10 | 13) && timestamp.bytes().all(|byte| byte.is_ascii_digit());
        if !opaque(nonce) || !opaque(token) || !time {
            return None;
        }
        let form = parameters.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value)));
        let draft = Draft::form(form.collect::<Vec<_>>().join("&"));
        let input = SigningInput::of(
            &draft.method,
            &url(),
            &draft.target.parse().unwrap(),
            &draft.headers(),
            &draft.body,
            Stamp { method: SignatureMethod::HmacSha1, nonce, timestamp, token },
        );
        Some(input.ok()?.parameter_string().to_owned())
    }
}

/// All texts over an alphabet, up to a length.
fn texts(alphabet: &[&str], most: usize) -> Vec<String> {
    let mut all = vec![String::new()];
    let mut longest = all.clone();
    for _ in 0..most {
        longest = longest
            .iter()
            .flat_map(|text| alphabet.iter().map(move |c| format!("{text}{c}")))
            .collect();
        all.extend(longest.iter().cloned());
    }
    all
}

/// Notes what a parameter string means; it may mean one thing only.
fn note(seen: &mut HashMap<String, Meaning>, pairs: &[(&str, &str)]) -> bool {
    let meaning = Meaning::of(pairs);
    let Some(string) = meaning.signed() else {
        return false;
    };
    if let Some(other) = seen.insert(string.clone(), meaning.clone()) {
        assert_eq!(other, meaning, "both are {string}");
    }
    true
}

#[test]
fn no_two_small_requests_have_one_parameter_string() {
    // Before and after the scheme's own; `s3pAuth^` sorts right before `s3pAuth_`.
    let names = ["a", "b", "s3pAuth^", "s3q", "t"];
    let values = texts(&["&", "=", "b", "t"], 3);
    let short = texts(&["&", "=", "b", "t"], 1);
    let mut seen = HashMap::new();
    let mut accepted = 0;
    let mut all = 0;
    let mut count = |pairs: &[(&str, &str)]| {
        all += 1;
        accepted += usize::from(note(&mut seen, pairs));
    };
    for (at, one) in names.iter().enumerate() {
        for value in &values {
            count(&[(one, value)]);
            for other in &names[at + 1..] {
                for last in values.iter().filter(|last| last.len() <= 2) {
                    count(&[(one, value), (other, last)]);
                }
            }
        }
    }
    for value in short.iter().flat_map(|one| short.iter().map(move |two| (one, two))) {
        for last in &short {
            count(&[("a", value.0), ("b", value.1), ("t", last)]);
            count(&[("b", value.0), ("s3q", value.1), ("t", last)]);
        }
    }
    count(&[]);
    assert!(all > 18_000 && accepted > all / 2 && accepted < all, "{accepted} of {all}");
}

#[test]
fn the_own_parameters_within_a_value_are_never_read_as_the_own_parameters() {
    let own = format!(
        "s3pAuth_nonce=n&s3pAuth_signature_method=HMAC-SHA1&s3pAuth_timestamp={NOW}&s3pAuth_token=k"
    );
    let parts: Vec<&str> = own.split('&').collect();
    let mut seen = HashMap::new();
    let mut accepted = 0;
    // Every run of them, at either end of a value, in one parameter or in two.
    for from in 0..parts.len() {
        for to in from..parts.len() {
            let run = parts[from..=to].join("&");
            for before in ["", "1", "1&t=2", "1&a=2"] {
                for after in ["", "&t=1", "&a=1", "&b=1&t=1", "&s3pAuth^=1", "&u=1"] {
                    let value = format!("{before}&{run}{after}");
                    for pairs in [
                        vec![("a", &*value)],
                        vec![("t", &*value)],
                        vec![("s3pAuth^", &*value)],
                        vec![("a", "1"), ("t", &*value)],
                        vec![("a", &*value), ("t", "1")],
                        vec![("a", "1"), ("t", "1"), ("u", &*value)],
                        vec![("a", &*value), ("t", &*value)],
                    ] {
                        accepted += usize::from(note(&mut seen, &pairs));
                    }
                }
            }
        }
    }
    assert!(accepted > 500, "{accepted}");
}

/// Every request whose parameter string could be this one: each `&` is taken as a separator, or as part
/// of a value.
fn readings(string: &str) -> Vec<Meaning> {
    let segments: Vec<&str> = string.split('&').collect();
    let separators = segments.len() - 1;
    (0_u32..1 << separators)
        .filter_map(|kept| {
            let mut parts = vec![segments[0].to_owned()];
            for (at, segment) in segments[1..].iter().enumerate() {
                if kept & (1 << at) == 0 {
                    parts.push((*segment).to_owned());
                } else {
                    let last = parts.last_mut().unwrap();
                    last.push('&');
                    last.push_str(segment);
                }
            }
            let mut own = BTreeMap::new();
            let mut parameters = Vec::new();
            for part in &parts {
                let (name, value) = part.split_once('=')?;
                if name.starts_with("s3pAuth_") {
                    own.insert(name, value.to_owned()).is_none().then_some(())?;
                } else {
                    parameters.push((name.to_owned(), value.to_owned()));
                }
            }
            parameters.sort();
            (own.len() == 4 && own.remove("s3pAuth_signature_method")? == "HMAC-SHA1").then_some(())?;
            let mut field = |name| own.remove(name);
            Some(Meaning {
                parameters,
                nonce: field("s3pAuth_nonce")?,
                timestamp: field("s3pAuth_timestamp")?,
                token: field("s3pAuth_token")?,
            })
        })
        .collect()
}

/// Values that are made of what a parameter string is made of.
fn value() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(
        &[
            "&",
            "&",
            "&",
            "=",
            "=",
            "a",
            "b",
            "s",
            "t",
            " ",
            "&b=",
            "&t=",
            "&a=1",
            "s3pAuth_",
            "&s3pAuth^=1",
            "&s3pAuth_nonce=n",
            "&s3pAuth_token=k",
            "&s3pAuth_nonce=n&s3pAuth_signature_method=HMAC-SHA1",
            "&s3pAuth_timestamp=1361281946&s3pAuth_token=k",
        ][..],
    );
    proptest::collection::vec(piece, 0..5).prop_map(|pieces| pieces.concat())
}

fn name() -> impl Strategy<Value = String> {
    let near = prop::sample::select(
        &[
            "s3pAuth",
            "s3pAuth^",
            "s3pAuth`",
            "s3pAuth_",
            "s3pAuth_m",
            "s3pAuth_nonce",
            "s3pB",
            "s3q",
            "s3o",
        ][..],
    );
    prop_oneof![3 => "[abst]{1,2}", 1 => near.prop_map(str::to_owned), 1 => "[ab&= ]{0,2}"]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 5000, ..ProptestConfig::default() })]

    #[test]
    fn a_parameter_string_can_be_read_in_one_way_only(
        parameters in proptest::collection::vec((name(), value()), 0..4),
    ) {
        let pairs: Vec<_> = parameters.iter().map(|(name, value)| (&**name, &**value)).collect();
        let meaning = Meaning::of(&pairs);
        let Some(string) = meaning.signed() else {
            return Ok(());
        };
        prop_assume!(string.matches('&').count() <= 14);
        let mut own_reading_is_among_them = false;
        for other in readings(&string) {
            if other.signed().is_some_and(|signed| signed == string) {
                prop_assert_eq!(&other, &meaning, "both are {}", string);
                own_reading_is_among_them = true;
            }
        }
        prop_assert!(own_reading_is_among_them, "{} {:?}", string, meaning);
    }

    #[test]
    fn two_lists_of_parameters_have_one_string_only_if_they_are_one_list(
        one in proptest::collection::vec((name(), value()), 0..4),
        other in proptest::collection::vec((name(), value()), 0..4),
    ) {
        let [one, other] = [one, other].map(|parameters| {
            let pairs: Vec<_> = parameters.iter().map(|(name, value)| (&**name, &**value)).collect();
            Meaning::of(&pairs)
        });
        if let (Some(signed), Some(also)) = (one.signed(), other.signed()) {
            prop_assert_eq!(signed == also, one == other);
        }
    }
}

//! Two requests that are both accepted never have one parameter string, unless they are one request.
//!
//! The scheme joins names and values without encoding them, so most of the care of the layer goes
//! into this. It is looked at from three sides: all small requests are compared with each other; of
//! a request at random, every other way to read its parameter string is tried; and what is accepted is what the
//! rule says, by a count of all readings.

use std::collections::{BTreeMap, BTreeSet, HashMap};

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

    /// The parameter string, whether or not the layer would look at such a request.
    fn joined(&self) -> String {
        let Self { parameters, nonce, timestamp, token } = self;
        let own = [
            ("s3pAuth_nonce", &**nonce),
            ("s3pAuth_signature_method", "HMAC-SHA1"),
            ("s3pAuth_timestamp", timestamp),
            ("s3pAuth_token", token),
        ];
        let pairs = parameters.iter().map(|(name, value)| (&**name, &**value));
        let pairs = pairs.chain(own).collect::<BTreeMap<_, _>>();
        let pairs = pairs.iter().map(|(name, value)| format!("{name}={value}"));
        pairs.collect::<Vec<_>>().join("&")
    }

    /// Whether some client could send this, and sign that: were it not for other readings.
    fn could_be_sent_as(&self, string: &str) -> bool {
        let names: BTreeSet<&String> = self.parameters.iter().map(|(name, _)| name).collect();
        let fits = |name: &str| !name.is_empty() && name.trim() == name;
        names.len() == self.parameters.len()
            && names.iter().all(|name| fits(name))
            && ![&self.nonce, &self.timestamp, &self.token].iter().any(|text| text.contains('&'))
            && self.joined() == string
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

/// Every list of up to four parameters, the values of one or two of which are made of whole `&name=`.
fn lists_with_names_in_values(names: &[&'static str], mut each: impl FnMut(&[(&str, &str)])) {
    let tails: Vec<String> = names.iter().map(|name| format!("&{name}=")).collect();
    let tails: Vec<&str> = tails.iter().map(String::as_str).collect();
    let (values, short) = (texts(&tails, 2), texts(&tails, 1));
    for chosen in 1_u32..1 << names.len() {
        let chosen: Vec<&str> =
            (0..names.len()).filter(|at| chosen & (1 << at) != 0).map(|at| names[at]).collect();
        if chosen.len() > 4 {
            continue;
        }
        for at in 0..chosen.len() {
            for other in at + 1..=chosen.len() {
                for (one, two) in values.iter().flat_map(|one| short.iter().map(move |two| (one, two)))
                {
                    let mut pairs: Vec<(&str, &str)> = chosen.iter().map(|name| (*name, "")).collect();
                    pairs[at].1 = one;
                    if let Some(pair) = pairs.get_mut(other) {
                        pair.1 = two;
                    }
                    each(&pairs);
                }
            }
        }
    }
}

#[test]
fn no_two_requests_with_names_in_their_values_have_one_parameter_string() {
    let (mut seen, mut all, mut accepted, mut with_names) = (HashMap::new(), 0, 0, 0);
    lists_with_names_in_values(&["a", "b", "c", "d", "t"], |pairs| {
        all += 1;
        if note(&mut seen, pairs) {
            accepted += 1;
            with_names += usize::from(pairs.iter().any(|(_, value)| value.contains('&')));
        }
    });
    assert!(all > 20_000 && with_names > 1_000 && accepted < all, "{with_names} {accepted} of {all}");
}

/// Whether, of all readings of a request's parameter string, its own is the only one with the most parameters.
fn is_only_longest(meaning: &Meaning, string: &str) -> bool {
    let mut lengths: Vec<usize> = readings(string)
        .iter()
        .filter(|other| other.could_be_sent_as(string))
        .map(|other| other.parameters.len())
        .collect();
    lengths.sort_unstable();
    let most = lengths.pop();
    most == Some(meaning.parameters.len()) && lengths.last() != most.as_ref()
}

#[test]
fn what_is_accepted_is_what_the_rule_says() {
    let (mut accepted, mut refused) = (0, 0);
    lists_with_names_in_values(&["a", "b", "c", "t", "u"], |pairs| {
        let meaning = Meaning::of(pairs);
        let expected = is_only_longest(&meaning, &meaning.joined());
        assert_eq!(meaning.signed().is_some(), expected, "{pairs:?}");
        *(if expected { &mut accepted } else { &mut refused }) += 1;
    });
    assert!(accepted > 1_000 && refused > 1_000, "{accepted} {refused}");
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
            for before in ["", "&", "1&", "1&t=2&", "1&a=2&"] {
                for after in ["", "&t=1", "&a=1", "&b=1&t=1", "&s3pAuth^=1", "&u=1"] {
                    let value = format!("{before}{run}{after}");
                    for pairs in [
                        vec![("a", &*value)],
                        vec![("t", &*value)],
                        vec![("s3pAuth^", &*value)],
                        vec![("a", "1"), ("t", &*value)],
                        vec![("a", &*value), ("t", "1")],
                        vec![("a", "1"), ("t", "1"), ("u", &*value)],
                        vec![("a", &*value), ("t", &*value)],
                    ] {
                        let is_accepted = note(&mut seen, &pairs);
                        // Only at its beginning does a value look like this and cannot be cut.
                        assert!(!is_accepted || !value.contains("&s3pAuth_"), "{pairs:?}");
                        accepted += usize::from(is_accepted);
                    }
                }
            }
        }
    }
    assert!(accepted > 50, "{accepted}");
}

/// Every request whose parameter string could be this one: each `&` is taken as a separator, or as part
/// of a value.
fn readings(string: &str) -> Vec<Meaning> {
    let segments: Vec<&str> = string.split('&').collect();
    let separators = segments.len() - 1;
    // Four there must be: if there are no more, none of them is part of a value.
    let own = (0..separators).filter(|at| segments[at + 1].starts_with("s3pAuth_"));
    let own = own.fold(0_u32, |own, at| own | 1 << at);
    let needed = if string.matches("s3pAuth_").count() == 4 { own } else { 0 };
    (0_u32..1 << separators)
        .filter(|kept| kept & needed == 0)
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

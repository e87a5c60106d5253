//! Two requests that are accepted in one dialect, or in two that one key may list, have one base string only
//! if they differ in blanks around values alone.

use std::collections::{BTreeMap, HashMap};

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use portcullis::s3p::{Dialect, SignatureMethod};

use crate::{
    ENCODINGS, ORDERS, TRIMS, alice_in, input, layer_of, outcome, s3p_support::*, signed,
    support::send, with_signature,
};

/// What a request says: its parameters, without what any dialect trims.
type Meaning = BTreeMap<String, String>;

fn encode(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

fn draft(pairs: &[(&str, &str)]) -> Draft {
    let pairs = pairs.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value)));
    Draft::form(pairs.collect::<Vec<_>>().join("&"))
}

fn meaning(pairs: &[(&str, &str)]) -> Meaning {
    let blank = |c: char| c <= ' ';
    let pairs = pairs.iter();
    pairs.map(|(name, value)| ((*name).to_owned(), value.trim_matches(blank).to_owned())).collect()
}

/// Base strings, and what each means: one thing only.
#[derive(Default)]
struct Seen {
    meanings: HashMap<String, (Meaning, Dialect)>,
    asked: usize,
}

impl Seen {
    fn note(&mut self, pairs: &[(&str, &str)], dialect: Dialect) {
        self.asked += 1;
        let Ok(input) = input(&draft(pairs), dialect) else {
            return;
        };
        let entry = (meaning(pairs), dialect);
        if let Some(other) = self.meanings.insert(input.base_string().to_owned(), entry.clone()) {
            let string = input.parameter_string();
            assert_eq!(other.0, entry.0, "{:?} and {:?} both sign {string:?}", other.1, entry.1);
        }
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

/// Requests of one parameter and of two, such that one's value may look like another parameter.
fn small_requests(
    names: &[&str],
    values: &[String],
    short: &[String],
    mut each: impl FnMut(&[(&str, &str)]),
) {
    for (at, one) in names.iter().enumerate() {
        for value in values {
            each(&[(one, value)]);
        }
        for other in &names[at + 1..] {
            for (long, last) in
                values.iter().flat_map(|long| short.iter().map(move |last| (long, last)))
            {
                each(&[(one, long), (other, last)]);
                each(&[(one, last), (other, long)]);
            }
        }
    }
    each(&[]);
}

/// `a` begins `a-b`, so that the two orders differ; and one is on each side of the scheme's own.
const NAMES: [&str; 5] = ["a", "a-b", "b", "s3pAuth^", "t"];
const TOKENS: [&str; 5] = ["&", "=", "a-b", "t", " "];

fn layouts() -> impl Iterator<Item = Dialect> {
    let trims = TRIMS.into_iter();
    trims.flat_map(|trim| ORDERS.map(|order| Dialect::STRICT.trim(trim).order(order)))
}

#[test]
fn no_two_small_requests_have_one_base_string_in_one_dialect() {
    for dialect in layouts() {
        let mut seen = Seen::default();
        small_requests(&NAMES, &texts(&TOKENS, 3), &texts(&TOKENS, 1), |pairs| {
            seen.note(pairs, dialect);
        });
        assert!(seen.asked > 18_000 && seen.meanings.len() > seen.asked / 4, "{}", seen.asked);
    }
}

#[test]
fn no_two_small_requests_have_one_base_string_in_two_dialects_of_one_key() {
    let mut seen = Seen::default();
    for dialect in layouts() {
        small_requests(&NAMES, &texts(&TOKENS, 3), &texts(&["x"], 1), |pairs| {
            seen.note(pairs, dialect);
        });
    }
    assert!(seen.asked > 18_000 && seen.meanings.len() > seen.asked / 12, "{}", seen.meanings.len());
}

/// Lists of parameters, one of which has names in its value that could be parameters by one order or the other.
#[test]
fn names_in_a_value_are_read_in_one_way_by_both_orders_together() {
    // `s` is on either side of the scheme's own, by the order.
    let names = ["a", "a-b", "b", "s", "t"];
    let tails = ["&a=", "&a-b=", "&a.=", "&b=", "&s=", "&t="];
    let values = texts(&tails, 3);
    let mut seen = Seen::default();
    let mut with_names = 0;
    for chosen in 1_u32..1 << names.len() {
        let chosen: Vec<&str> =
            (0..names.len()).filter(|at| chosen & (1 << at) != 0).map(|at| names[at]).collect();
        for (at, value) in (0..chosen.len()).flat_map(|at| values.iter().map(move |value| (at, value)))
        {
            let mut pairs: Vec<(&str, &str)> = chosen.iter().map(|name| (*name, "")).collect();
            pairs[at].1 = value;
            let before = seen.meanings.len();
            for order in ORDERS {
                seen.note(&pairs, Dialect::STRICT.order(order));
            }
            with_names += usize::from(!value.is_empty() && seen.meanings.len() > before);
        }
    }
    assert!(seen.asked > 20_000 && with_names > 1_000, "{with_names} of {}", seen.asked);
}

#[tokio::test]
async fn what_one_dialect_signs_as_two_parameters_another_does_not_take_for_one() {
    // Captured on its way, and changed before it arrives.
    let key = || alice_in(&[Dialect::STRICT, Dialect::MAVIANCE_JAVA]);
    for (sent, dialect, changed) in [
        (r#"{"a":"1","a-b":"2"}"#, Dialect::STRICT, r#"{"a":"1&a-b=2"}"#),
        (r#"{"a":"1","a-b":"2"}"#, Dialect::MAVIANCE_JAVA, r#"{"a-b":"2&a=1"}"#),
        (r#"{"a":"1"}"#, Dialect::MAVIANCE_JAVA, r#"{"\u0001a":"1"}"#),
    ] {
        let signature = input(&Draft::json(sent), dialect).unwrap().signature(&SECRET.into());
        let request = with_signature(&Draft::json(changed), SignatureMethod::HmacSha1, &signature);
        assert_ne!(outcome(&send(&layer_of(key()), request).await), "accepted", "{changed}");
        let honest = signed(&Draft::json(sent), dialect);
        assert_eq!(outcome(&send(&layer_of(key()), honest).await), "accepted", "{sent}");
    }
}

#[test]
fn no_encoding_makes_one_text_of_two() {
    // Among them what an encoding makes of another, and what it leaves.
    let tokens = ["+", " ", "%20", "%2B", "%", "*", "~", "'", "&", "=", "é", "\u{e9}\u{301}"];
    let values = texts(&tokens, 2);
    let mut of_all = Seen::default();
    for dialect in layouts() {
        for encoding in ENCODINGS {
            let dialect = dialect.encoding(encoding);
            let mut of_one = Seen::default();
            small_requests(&["a", "b"], &values, &["x".to_owned()], |pairs| {
                of_one.note(pairs, dialect);
                of_all.note(pairs, dialect);
            });
            assert!(of_one.meanings.len() > 200, "{}", of_one.meanings.len());
        }
    }
}

#[test]
fn no_name_loses_a_part_of_itself() {
    // Java's blanks are more than the page's: all that is not above U+0020.
    let names: Vec<String> = ["", " ", "\t", "\0", "\u{1}", "\u{b}", "\u{1f}", "\u{a0}"]
        .iter()
        .flat_map(|odd| [format!("{odd}a"), format!("a{odd}"), format!("z{odd}")])
        .collect();
    for dialect in layouts() {
        let mut seen = Seen::default();
        for name in &names {
            for value in ["", "1", " "] {
                seen.note(&[(name, value)], dialect);
                seen.note(&[(name, value), ("t", "1")], dialect);
            }
        }
    }
}

//! A request that is accepted, changed anywhere, has another base string or is refused: in any two dialects that
//! can be put together, whether its parameters are JSON, a form or a query.
//!
//! What may be changed without a change of the text is what the module's page says: blanks around a value, its
//! JSON type, and how a number is written.

use std::collections::{BTreeMap, BTreeSet};

use http::Method;
use portcullis::s3p::{Dialect, Encoding, Order, SignatureMethod, SigningInput, Stamp, Trim, Values};
use proptest::{prelude::*, sample::Index};

use crate::{encode, s3p_support::*};

/// A value, as JSON has it: of a query or a form, always a text.
#[derive(Clone, Debug, Eq, PartialEq)]
enum Value {
    Text(String),
    /// As it is written.
    Number(String),
    Bool(bool),
    Null,
}

impl Value {
    fn json(&self) -> String {
        match self {
            Self::Text(text) => serde_json::to_string(text).unwrap(),
            other => other.text(),
        }
    }

    fn text(&self) -> String {
        match self {
            Self::Text(text) | Self::Number(text) => text.clone(),
            Self::Bool(bool) => bool.to_string(),
            Self::Null => "null".to_owned(),
        }
    }

    /// Whether two values may have one text, by the module's page.
    fn may_be_signed_as(&self, other: &Self) -> bool {
        let is_like = |one: &Self, other: &Self| match (one, other) {
            (Self::Text(one), Self::Text(other)) => trimmed(one) == trimmed(other),
            (Self::Text(one) | Self::Number(one), Self::Number(other)) => {
                exact(trimmed(one)).is_some() && exact(trimmed(one)) == exact(other)
            }
            (Self::Text(text), Self::Bool(true)) => ["1", "true", "True"].contains(&trimmed(text)),
            (Self::Text(text), Self::Bool(false)) => ["", "false", "False"].contains(&trimmed(text)),
            (Self::Text(text), Self::Null) => ["", "null", "None"].contains(&trimmed(text)),
            (Self::Number(number), Self::Bool(true)) => exact(number) == exact("1"),
            // In PHP, both are empty.
            (Self::Bool(false), Self::Null) => true,
            (one, other) => one == other,
        };
        is_like(self, other) || is_like(other, self)
    }
}

fn trimmed(text: &str) -> &str {
    text.trim_matches(|c| c <= ' ')
}

/// A numeral's sign, digits without outer zeros, and exponent.
fn exact(numeral: &str) -> Option<(bool, String, i64)> {
    let (mantissa, exponent) = numeral.split_once(['e', 'E']).unwrap_or((numeral, "0"));
    let digits = mantissa.strip_prefix('-').unwrap_or(mantissa);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !is_number(whole) || !is_number(fraction) {
        return None;
    }
    let exponent = exponent.parse::<i64>().ok()? - i64::try_from(fraction.len()).unwrap();
    let all = format!("{whole}{fraction}");
    let significant = all.trim_start_matches('0').trim_end_matches('0');
    let zeros = all.len() - all.trim_end_matches('0').len();
    let exponent = exponent + i64::try_from(zeros).unwrap();
    let exponent = if significant.is_empty() { 0 } else { exponent };
    Some((mantissa.starts_with('-'), significant.to_owned(), exponent))
}

type Pairs = Vec<(String, Value)>;

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Kind {
    Form,
    Json,
}

/// A request in the parts that are changed: pairs of a query, and of a body.
#[derive(Clone, Debug)]
struct Sent {
    method: Method,
    path: String,
    query: Pairs,
    body: Pairs,
    kind: Kind,
}

impl Sent {
    fn draft(&self) -> Draft {
        let form = |pairs: &Pairs| {
            let pairs =
                pairs.iter().map(|(name, value)| format!("{}={}", encode(name), encode(&value.text())));
            pairs.collect::<Vec<_>>().join("&")
        };
        let target = match form(&self.query) {
            query if query.is_empty() => self.path.clone(),
            query => format!("{}?{query}", self.path),
        };
        let draft = Draft::new(self.method.clone(), &target);
        if self.body.is_empty() {
            return draft;
        }
        match self.kind {
            Kind::Form => draft.body(FORM, form(&self.body)),
            Kind::Json => {
                let members = self.body.iter().map(|(name, value)| {
                    format!("{}:{}", serde_json::to_string(name).unwrap(), value.json())
                });
                draft.body(JSON, format!("{{{}}}", members.collect::<Vec<_>>().join(",")))
            }
        }
    }

    /// What it is signed as, in any dialect.
    fn base_strings(&self) -> BTreeSet<String> {
        let draft = self.draft();
        let Ok(target) = draft.target.parse() else {
            return BTreeSet::new();
        };
        let stamp = Stamp {
            method: SignatureMethod::HmacSha1,
            nonce: &draft.nonce,
            timestamp: &draft.timestamp,
            token: draft.token,
        };
        let inputs = dialects().into_iter().filter_map(|dialect| {
            let (method, headers) = (&draft.method, draft.headers());
            SigningInput::in_dialect(dialect, method, &url(), &target, &headers, &draft.body, stamp)
                .ok()
        });
        inputs.map(|input| input.base_string().to_owned()).collect()
    }

    /// The values as they are received: a form has texts alone.
    fn values(&self) -> BTreeMap<&str, Value> {
        let of_form = |(name, value): &'_ (String, Value)| (name.clone(), Value::Text(value.text()));
        let pairs = match self.kind {
            Kind::Json => self.body.clone(),
            Kind::Form => self.body.iter().map(of_form).collect(),
        };
        let texts: Pairs = self.query.iter().map(of_form).collect();
        let names = self.query.iter().chain(&self.body).map(|(name, _)| &**name);
        names.zip(texts.into_iter().chain(pairs).map(|(_, value)| value)).collect()
    }

    /// Whether two requests that are accepted are one, but for what the module's page says.
    fn is_like(&self, other: &Self) -> bool {
        let (ours, theirs) = (self.values(), other.values());
        self.method == other.method
            && self.path == other.path
            && ours.keys().eq(theirs.keys())
            && ours.values().zip(theirs.values()).all(|(one, other)| one.may_be_signed_as(other))
    }
}

fn dialects() -> Vec<Dialect> {
    use Encoding::{EncodeUriComponent, GoQueryEscape, JavaUrlEncoder, Rfc3986};
    let mut dialects = Vec::new();
    for trim in [Trim::EachValue, Trim::Nothing, Trim::WholeString] {
        for encoding in [Rfc3986, EncodeUriComponent, JavaUrlEncoder, GoQueryEscape] {
            for order in [Order::ByKey, Order::ByPair] {
                for values in [Values::AsWritten, Values::Php, Values::JavaScript, Values::Python] {
                    let dialect = Dialect::STRICT.trim(trim).encoding(encoding);
                    dialects.push(dialect.order(order).values(values));
                }
            }
        }
    }
    dialects
}

fn name() -> impl Strategy<Value = String> {
    const NAMES: &[&str] =
        &["a", "a-b", "amount", "b", "callbackUrl", "id", "s", "s3pAuth^", "t", "trid"];
    prop::sample::select(NAMES).prop_map(str::to_owned)
}

fn value() -> impl Strategy<Value = Value> {
    const PIECES: &[&str] = &[
        "x",
        "1",
        "0",
        ".0",
        "e3",
        "&",
        "=",
        "&a=",
        "&b=1",
        "&id=2",
        "&t=3",
        "&s=4",
        " ",
        "+",
        "%20",
        "'",
        "*",
        "~",
        "é",
        "true",
        "null",
        "https://shop.example/?",
    ];
    const NUMBERS: &[&str] = &[
        "0",
        "-0",
        "1",
        "1.0",
        "10e-1",
        "1000",
        "1e3",
        "1000.5",
        "1e21",
        "9007199254740992",
        "9007199254740993",
        "98765432109876543210",
        "98765432109876543211",
        "0.1",
        "0.30000000000000004",
        "1e-7",
        "-1.5",
        "1e400",
    ];
    let text = proptest::collection::vec(prop::sample::select(PIECES), 0..5);
    prop_oneof![
        4 => text.prop_map(|pieces| Value::Text(pieces.concat())),
        3 => prop::sample::select(NUMBERS).prop_map(|number| Value::Number(number.to_owned())),
        1 => any::<bool>().prop_map(Value::Bool),
        1 => Just(Value::Null),
    ]
}

fn pairs() -> impl Strategy<Value = Pairs> {
    proptest::collection::btree_map(name(), value(), 0..5).prop_map(|pairs| pairs.into_iter().collect())
}

fn path() -> impl Strategy<Value = String> {
    const PATHS: &[&str] =
        &["/", "/v2/bill", "/v2/bill/", "/v2//bill", "/v2/bill%20", "/v2/b'ill*~", "/v2/bill&a%3D1"];
    prop::sample::select(PATHS).prop_map(str::to_owned)
}

fn sent() -> impl Strategy<Value = Sent> {
    let method = |names: &'static [&'static str]| {
        prop::sample::select(names).prop_map(|name| name.parse::<Method>().unwrap())
    };
    let with_query =
        (method(&["GET", "HEAD", "DELETE"]), path(), pairs()).prop_map(|(method, path, query)| Sent {
            method,
            path,
            query,
            body: Vec::new(),
            kind: Kind::Form,
        });
    let kind = prop_oneof![1 => Just(Kind::Form), 3 => Just(Kind::Json)];
    let with_body = (method(&["POST", "PUT"]), path(), pairs(), kind)
        .prop_map(|(method, path, body, kind)| Sent { method, path, query: Vec::new(), body, kind });
    prop_oneof![1 => with_query, 2 => with_body]
}

/// One of the changes that somebody on the way could make.
fn changed(sent: &Sent, how: usize, at: Index, new: (String, Value)) -> Sent {
    let mut other = sent.clone();
    let pairs = if other.body.is_empty() { &mut other.query } else { &mut other.body };
    let at = if pairs.is_empty() { None } else { Some(at.index(pairs.len())) };
    match (how, at) {
        // A digit, or a letter: replaced, added, left out.
        (0, Some(at)) => pairs[at].1 = with_text(&pairs[at].1, |text| text + "0"),
        (1, Some(at)) => pairs[at].1 = with_text(&pairs[at].1, |text| text.replacen('1', "2", 1)),
        (2, Some(at)) => {
            pairs[at].1 = with_text(&pairs[at].1, |mut text| {
                text.pop();
                text
            });
        }
        (3, Some(at)) => pairs[at].1 = with_text(&pairs[at].1, |text| format!(" {text} ")),
        // Another kind of the same text, and the other way round.
        (4, Some(at)) => pairs[at].1 = Value::Text(pairs[at].1.text()),
        (5, Some(at)) => pairs[at].1 = of_text(&pairs[at].1.text()),
        (6, Some(at)) => {
            pairs[at].1 =
                if pairs[at].1 == Value::Null { Value::Text(String::new()) } else { Value::Null }
        }
        // Two parameters made one, and one two.
        (7, Some(at)) if at > 0 => {
            let (name, value) = pairs.remove(at);
            pairs[at - 1].1 =
                with_text(&pairs[at - 1].1, |text| format!("{text}&{name}={}", value.text()));
        }
        (8, Some(at)) => {
            let text = pairs[at].1.text();
            if let Some((before, (name, value))) =
                text.split_once('&').and_then(|(before, rest)| Some((before, rest.split_once('=')?)))
            {
                pairs[at].1 = Value::Text(before.to_owned());
                pairs.push((name.to_owned(), Value::Text(value.to_owned())));
            }
        }
        // From the body into the query, or back.
        (9, Some(at)) => {
            let pair = pairs.remove(at);
            if sent.body.is_empty() { &mut other.body } else { &mut other.query }.push(pair);
        }
        (10, _) => std::mem::swap(&mut other.query, &mut other.body),
        (11, _) => other.path.push('/'),
        (12, _) => other.path = other.path.replacen("v2", "v3", 1),
        (13, _) => other.path = other.path.replace("%20", "+").replace('*', "%2A"),
        (14, _) => other.kind = if other.kind == Kind::Json { Kind::Form } else { Kind::Json },
        (15, _) => {
            let methods = ["GET", "HEAD", "DELETE", "POST", "PUT", "PATCH"];
            other.method = methods[new.0.len() % methods.len()].parse().unwrap();
        }
        (16, Some(at)) => pairs[at].0 = new.0,
        (17, Some(at)) => pairs[at].1 = new.1,
        (18, Some(at)) => _ = pairs.remove(at),
        _ => pairs.push(new),
    }
    other
}

const CHANGES: usize = 20;

/// A value of the same kind with another text, if there is one.
fn with_text(value: &Value, change: impl FnOnce(String) -> String) -> Value {
    let text = change(value.text());
    match value {
        Value::Number(_) => of_text(&text),
        _ => Value::Text(text),
    }
}

/// What JSON could mean by a text.
fn of_text(text: &str) -> Value {
    match text {
        "true" => Value::Bool(true),
        "false" => Value::Bool(false),
        "null" => Value::Null,
        number if serde_json::from_str::<serde_json::Number>(number).is_ok() => {
            Value::Number(number.trim().to_owned())
        }
        other => Value::Text(other.to_owned()),
    }
}

fn share_no_base_string_unless_alike(one: &Sent, other: &Sent) -> Result<bool, TestCaseError> {
    let (ours, theirs) = (one.base_strings(), other.base_strings());
    if let Some(shared) = ours.intersection(&theirs).next() {
        prop_assert!(one.is_like(other), "both are {}", shared);
    }
    Ok(!ours.is_empty() && !theirs.is_empty())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, ..ProptestConfig::default() })]

    #[test]
    fn what_was_changed_on_the_way_has_another_base_string_or_none(
        one in sent(),
        how in 0..CHANGES,
        at in any::<Index>(),
        new in (name(), value()),
    ) {
        let other = changed(&one, how, at, new);
        share_no_base_string_unless_alike(&one, &other)?;
    }
}

/// The changes would be worth nothing if what they make was refused.
#[test]
fn most_changes_leave_a_request_that_is_signed() {
    use proptest::{strategy::ValueTree, test_runner::TestRunner};
    let mut runner = TestRunner::deterministic();
    let strategy = (sent(), any::<Index>(), (name(), value()));
    for how in 0..CHANGES {
        let (mut signed, mut alike) = (0, 0);
        for _ in 0..100 {
            let (one, at, new) = strategy.new_tree(&mut runner).unwrap().current();
            let other = changed(&one, how, at, new);
            signed += usize::from(share_no_base_string_unless_alike(&one, &other).unwrap());
            alike += usize::from(one.is_like(&other));
        }
        // A move and a swap between query and body are always refused, but of nothing.
        let least = if matches!(how, 9 | 10) { 0 } else { 15 };
        assert!(signed >= least, "{how}: {signed} of 100 signed, {alike} alike");
    }
}

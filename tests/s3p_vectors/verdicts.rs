//! The verdict on each vector that is not plain: so that no change of the rules goes unseen.

use std::collections::BTreeSet;

use portcullis::{
    Secret,
    s3p::{Dialect, Encoding, Order, TimestampUnit, Trim, Values},
};

use super::{SECRET, Vector, vectors};

/// Vectors that are not plain, and are accepted.
const ALSO_ACCEPTED: &[&str] = &[
    // An `&` in a value, after which nothing reads as a parameter: `a=b&c%d,"e"`.
    "maviance-java/g08_reserved_in_value",
    "maviance-nodejs(lib)/g08_reserved_in_value",
    "maviance-nodejs(lib)/p12_reserved_in_value",
    "maviance-php(HMACSignature)/g08_reserved_in_value",
    "maviance-php(HMACSignature)/p12_reserved_in_value",
    "maviance-php(send)/p12_reserved_in_value",
    "ndole-go/g08_reserved_in_value",
    "ndole-go/p12_reserved_in_value",
    // Sent to `https://DEV.Smobilpay.com:443`; the public URL has the form that was signed.
    "maviance-php(send)/x01_default_port_upper_host",
];

/// Vectors that are refused for another reason than a timestamp in milliseconds: status, reason, and which.
const REFUSED: &[(u16, &str, &[&str])] = &[
    // `trid=1&zeta=2` as one value has the signature of two parameters.
    (
        400,
        "s3p.ambiguous_value",
        &["maviance-php(send)/x07a_split_collision", "ndole-go/x07a_split_collision"],
    ),
    // Which nonce would count?
    (
        400,
        "s3p.own_parameter",
        &[
            "maviance-php(HMACSignature)/p20_authkey_in_body",
            "maviance-php(send)/p20_authkey_in_body",
            "ndole-go-e521064/p20_authkey_in_body",
            "ndole-go/p20_authkey_in_body",
            "ts-postman(57921202003)/p20_authkey_in_body",
            "wc-smobilpay-php/p20_authkey_in_body",
        ],
    ),
    // No object.
    (400, "s3p.json", &["wc-smobilpay-php/p14_empty_object"]),
    // The page takes the parameters of a POST from its body.
    (
        400,
        "s3p.query_on_post",
        &[
            "maviance-php(send)/x04_post_query_and_body",
            "maviance-php(send)/x08b_move_collision",
            "ndole-go/x04_post_query_and_body",
            "ndole-go/x08b_move_collision",
        ],
    ),
    // One client signs the first, the other the last.
    (
        400,
        "s3p.repeated_parameter",
        &["maviance-php(send)/x03_repeated_query_key", "ndole-go/x03_repeated_query_key"],
    ),
    // Every language has a text of its own for these, and some leave the content out.
    (
        400,
        "s3p.value_type",
        &[
            "maviance-nodejs(lib)/p05_bool",
            "maviance-nodejs(lib)/p06_null",
            "maviance-nodejs(lib)/p08_nested_object",
            "maviance-nodejs(lib)/p09_array",
            "maviance-php(HMACSignature)/p05_bool",
            "maviance-php(HMACSignature)/p06_null",
            "maviance-php(HMACSignature)/p08_nested_object",
            "maviance-php(HMACSignature)/p09_array",
            "maviance-php(send)/p05_bool",
            "maviance-php(send)/p06_null",
            "maviance-php(send)/p08_nested_object",
            "maviance-php(send)/p09_array",
            "ts-postman(57921202003)/p05_bool",
            "ts-postman(57921202003)/p06_null",
            "ts-postman(57921202003)/p08_nested_object",
            "ts-postman(57921202003)/p09_array",
            "wc-smobilpay-php/p05_bool",
            "wc-smobilpay-php/p06_null",
            "wc-smobilpay-php/p08_nested_object",
            "wc-smobilpay-php/p09_array",
        ],
    ),
    // Signed in another way than the page says: what the way is, `deviations` tells.
    (
        401,
        "s3p.signature",
        &[
            // Blanks are not trimmed, or those of the last value alone.
            "maviance-java/g09_trim",
            "maviance-nodejs(lib)/g09_trim",
            "maviance-nodejs(lib)/p13_trim",
            // Encoded by other rules than RFC 3986's.
            "maviance-java/g10_sub_delims",
            "maviance-nodejs(lib)/g10_sub_delims",
            "maviance-nodejs(lib)/p17_sub_delims",
            "ndole-go/g04_space",
            "ndole-go/p11_space",
            // Sorted by the whole `k=v`.
            "maviance-java/g11_prefix_keys",
            // Numbers as the language prints them, not as they are sent.
            "maviance-nodejs(lib)/p04_float_integral",
            "maviance-nodejs(lib)/p22_big_numbers",
            "maviance-php(HMACSignature)/p04_float_integral",
            "maviance-php(HMACSignature)/p22_big_numbers",
            "maviance-php(send)/p04_float_integral",
            "maviance-php(send)/p22_big_numbers",
            // A value cut at its `=`.
            "maviance-php(api)/g08_reserved_in_value",
            "maviance-php(send)/g08_reserved_in_value",
            // A body that was sent and not signed; a query likewise.
            "maviance-php(send)/u01_put",
            "ndole-go-e521064/d01_delete",
            // Encoded twice.
            "ndole-go-e521064/g03_unicode",
            "ndole-go-e521064/g04_space",
            "ndole-go-e521064/g05_plus",
            "ndole-go-e521064/g08_reserved_in_value",
            "ndole-go-e521064/g09_trim",
            "ndole-go-e521064/g10_sub_delims",
            "ndole-go-e521064/p10_unicode",
            "ndole-go-e521064/p11_space",
            "ndole-go-e521064/p12_reserved_in_value",
            "ndole-go-e521064/p13_trim",
            "ndole-go-e521064/p15_json_string",
            "ndole-go-e521064/p17_sub_delims",
        ],
    ),
];

/// By the client's own dialect, and by every other one that can be put together, refused.
pub(super) const NEVER_ACCEPTED: &[&str] = &[
    // `Array`, `[object Object]`: a text that leaves the content out.
    "maviance-nodejs(lib)/p08_nested_object",
    "maviance-nodejs(lib)/p09_array",
    "maviance-php(HMACSignature)/p08_nested_object",
    "maviance-php(HMACSignature)/p09_array",
    "maviance-php(send)/p08_nested_object",
    "maviance-php(send)/p09_array",
    "ts-postman(57921202003)/p08_nested_object",
    "ts-postman(57921202003)/p09_array",
    "wc-smobilpay-php/p08_nested_object",
    "wc-smobilpay-php/p09_array",
    // `12345678901234567`, for which JavaScript signs `12345678901234568`.
    "maviance-nodejs(lib)/p22_big_numbers",
    // An empty object, as PHP writes it: `[]`.
    "wc-smobilpay-php/p14_empty_object",
    // A value cut at its `=`.
    "maviance-php(api)/g08_reserved_in_value",
    "maviance-php(send)/g08_reserved_in_value",
    // A body that was sent and not signed; a query likewise.
    "maviance-php(send)/u01_put",
    "ndole-go-e521064/d01_delete",
    // Encoded twice.
    "ndole-go-e521064/g03_unicode",
    "ndole-go-e521064/g04_space",
    "ndole-go-e521064/g05_plus",
    "ndole-go-e521064/g08_reserved_in_value",
    "ndole-go-e521064/g09_trim",
    "ndole-go-e521064/g10_sub_delims",
    "ndole-go-e521064/p10_unicode",
    "ndole-go-e521064/p11_space",
    "ndole-go-e521064/p12_reserved_in_value",
    "ndole-go-e521064/p13_trim",
    "ndole-go-e521064/p15_json_string",
    "ndole-go-e521064/p17_sub_delims",
    // One key twice.
    "maviance-php(send)/x03_repeated_query_key",
    "ndole-go/x03_repeated_query_key",
    // A query on a POST.
    "maviance-php(send)/x04_post_query_and_body",
    "maviance-php(send)/x08b_move_collision",
    "ndole-go/x04_post_query_and_body",
    "ndole-go/x08b_move_collision",
    // A value that reads as two parameters.
    "maviance-php(send)/x07a_split_collision",
    "ndole-go/x07a_split_collision",
    // The scheme's own keys in the body.
    "maviance-php(HMACSignature)/p20_authkey_in_body",
    "maviance-php(send)/p20_authkey_in_body",
    "ndole-go-e521064/p20_authkey_in_body",
    "ndole-go/p20_authkey_in_body",
    "ts-postman(57921202003)/p20_authkey_in_body",
    "wc-smobilpay-php/p20_authkey_in_body",
];

#[tokio::test]
async fn every_other_vector_has_its_verdict() {
    let mut counted = [0; 3];
    let mut named = BTreeSet::new();
    for vector in vectors().iter().filter(|vector| !vector.is_plain()) {
        let answer = vector.verdict().await;
        let row = REFUSED.iter().find(|(_, _, ids)| ids.contains(&&*vector.id));
        if ALSO_ACCEPTED.contains(&&*vector.id) {
            assert_eq!(answer.status, 200, "{}", vector.id);
            counted[0] += 1;
        } else if let Some((status, reason, _)) = row {
            assert_eq!((answer.status.as_u16(), answer.reason()), (*status, *reason), "{}", vector.id);
            counted[1] += 1;
        } else {
            assert_eq!(vector.timestamp.len(), 13, "{} has no verdict", vector.id);
            // The page has seconds; which keys may have milliseconds is not guessed.
            let verdict = (answer.status.as_u16(), answer.reason());
            assert_eq!(verdict, (401, "s3p.dialect"), "{}", vector.id);
            counted[2] += 1;
        }
        named.insert(vector.id.clone());
    }
    assert_eq!(counted, [9, 66, 53]);
    let table = REFUSED.iter().flat_map(|(_, _, ids)| *ids).chain(ALSO_ACCEPTED);
    assert_eq!(table.filter(|id| !named.contains(**id)).count(), 0, "a verdict without a vector");
}

#[test]
fn a_wrong_signature_is_one_that_deviates_from_the_page() {
    let (_, _, ids) = REFUSED.iter().find(|(_, reason, _)| *reason == "s3p.signature").unwrap();
    for vector in vectors().iter().filter(|vector| ids.contains(&&*vector.id)) {
        assert!(!vector.canonical_match && !vector.deviations.is_empty(), "{}", vector.id);
    }
}

#[tokio::test]
async fn of_two_requests_with_one_signature_one_is_let_through() {
    for (refused, accepted) in [
        ("ndole-go/x07a_split_collision", "ndole-go/x07b_split_collision"),
        ("ndole-go/x08b_move_collision", "ndole-go/x08a_move_collision"),
    ] {
        let named = |id| vectors().into_iter().find(|vector| vector.id == id).unwrap();
        let (refused, accepted) = (named(refused), named(accepted));
        assert_eq!(refused.signature, accepted.signature);
        assert_ne!((&refused.url, &refused.body), (&accepted.url, &accepted.body));
        assert_eq!(refused.verdict().await.status, 400, "{}", refused.id);
        assert_eq!(accepted.verdict().await.status, 200, "{}", accepted.id);
    }
}

/// The dialect of the client that made a vector.
fn named(vector: &Vector) -> Dialect {
    match vector.id.split_once('/').unwrap().0 {
        "maviance-java" => Dialect::MAVIANCE_JAVA,
        "maviance-nodejs(lib)" => Dialect::MAVIANCE_NODEJS,
        "maviance-php(HMACSignature)" | "maviance-php(api)" | "maviance-php(send)" => {
            Dialect::MAVIANCE_PHP
        }
        "ndole-go" | "ndole-go-e521064" => Dialect::NDOLE_GO,
        "spec" => Dialect::STRICT,
        "ts-postman(57921202003)" => Dialect::POSTMAN,
        "wc-smobilpay-php" => Dialect::POSTMAN_PHP,
        other => panic!("{other} has no dialect"),
    }
}

#[tokio::test]
async fn the_dialect_of_a_client_accepts_all_of_its_vectors_but_those_that_none_accepts() {
    let (mut by_strict, mut by_dialect_alone, mut never) = (0, 0, BTreeSet::new());
    for vector in vectors() {
        let strict = vector.verdict().await.status == 200;
        let answer = vector.verdict_in(&[named(&vector)]).await;
        if NEVER_ACCEPTED.contains(&&*vector.id) {
            assert!(!strict && answer.status != 200, "{}", vector.id);
            never.insert(vector.id);
            continue;
        }
        assert_eq!((answer.status.as_u16(), &*answer.body), (200, "alice"), "{}", vector.id);
        // What the page and the client agree on is accepted by both.
        by_strict += usize::from(strict);
        by_dialect_alone += usize::from(!strict);
    }
    assert_eq!((by_strict, by_dialect_alone, never.len()), (138, 77, NEVER_ACCEPTED.len()));
}

#[tokio::test]
async fn a_named_dialect_accepts_so_many_of_all_vectors() {
    for (dialect, accepted) in [
        (Dialect::STRICT, 138),
        (Dialect::MAVIANCE_PHP, 147),
        (Dialect::MAVIANCE_NODEJS, 134),
        (Dialect::MAVIANCE_JAVA, 118),
        (Dialect::NDOLE_GO, 133),
        (Dialect::PYTHON, 133),
        (Dialect::POSTMAN, 52),
        (Dialect::POSTMAN_PHP, 52),
    ] {
        let mut count = 0;
        for vector in vectors() {
            count += usize::from(vector.verdict_in(&[dialect]).await.status == 200);
        }
        assert_eq!(count, accepted, "{dialect:?}");
    }
}

#[test]
fn what_leaves_content_unsigned_has_its_signature_in_no_dialect() {
    let mut dialects = vec![Dialect::STRICT];
    let each = |dialects: Vec<Dialect>, others: &dyn Fn(Dialect) -> Vec<Dialect>| -> Vec<Dialect> {
        dialects.into_iter().flat_map(others).collect()
    };
    dialects = each(dialects, &|dialect| {
        [Trim::EachValue, Trim::Nothing, Trim::WholeString].map(|trim| dialect.trim(trim)).into()
    });
    dialects = each(dialects, &|dialect| {
        use Encoding::{EncodeUriComponent, GoQueryEscape, JavaUrlEncoder, Rfc3986};
        let encodings = [Rfc3986, EncodeUriComponent, JavaUrlEncoder, GoQueryEscape];
        encodings.map(|encoding| dialect.encoding(encoding)).into()
    });
    dialects = each(dialects, &|dialect| {
        [Order::ByKey, Order::ByPair].map(|order| dialect.order(order)).into()
    });
    dialects = each(dialects, &|dialect| {
        [Values::AsWritten, Values::Php, Values::JavaScript, Values::Python]
            .map(|values| dialect.values(values))
            .into()
    });
    dialects = each(dialects, &|dialect| {
        [TimestampUnit::Seconds, TimestampUnit::Milliseconds].map(|unit| dialect.timestamp(unit)).into()
    });
    assert_eq!(dialects.len(), 3 * 4 * 2 * 4 * 2);

    let mut fit = BTreeSet::new();
    for vector in vectors() {
        for dialect in &dialects {
            let input = vector.input_in(*dialect);
            let signature = input.map(|input| input.signature(&Secret::new(SECRET)));
            if signature.is_ok_and(|signature| signature == vector.signature) {
                fit.insert(vector.id.clone());
            }
        }
    }
    for id in NEVER_ACCEPTED {
        assert!(!fit.contains(*id), "{id}");
    }
    // All the rest have it in some dialect: the list above is complete.
    assert_eq!(fit.len() + NEVER_ACCEPTED.len(), vectors().len());
}

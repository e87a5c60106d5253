//! The verdict on each vector that is not plain: so that no change of the rules goes unseen.

use std::collections::BTreeSet;

use super::vectors;

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

/// Vectors with a timestamp in seconds that are refused: status, reason, and which.
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
        ],
    ),
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
            // A timestamp in milliseconds: the page has seconds, and a unit is not guessed.
            assert_eq!(vector.timestamp.len(), 13, "{} has no verdict", vector.id);
            assert_eq!(
                (answer.status.as_u16(), answer.reason()),
                (401, "s3p.timestamp"),
                "{}",
                vector.id
            );
            counted[2] += 1;
        }
        named.insert(vector.id.clone());
    }
    assert_eq!(counted, [9, 55, 64]);
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

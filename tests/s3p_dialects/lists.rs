//! The dialects that a key lists.

use portcullis::s3p::{Dialect, Encoding, Order, TimestampUnit, Trim};

use crate::{
    ENCODINGS, NAMED, alice, alice_in, input, layer_of, outcome, s3p_support::*, signed, support::send,
};

/// In seconds, and each signs [`telling`] in another way.
const FOUR: [Dialect; 4] =
    [Dialect::STRICT, Dialect::MAVIANCE_NODEJS, Dialect::MAVIANCE_JAVA, Dialect::NDOLE_GO];

/// A request that shows which dialect has signed it.
fn telling() -> Draft {
    Draft::get("/v2/verifytx?a=x&a-b=%20(y)~%20w&z=1")
}

#[test]
fn a_key_has_one_to_four_dialects() {
    for count in 0..=8 {
        let key = alice().dialects(&NAMED[..count]);
        assert_eq!(key.is_ok(), (1..=4).contains(&count), "{count}");
    }
    let error = alice().dialects(&NAMED[..5]).unwrap_err().to_string();
    assert!(error.contains('4') && error.contains('5'), "{error}");
    assert!(alice().dialects(Vec::new()).unwrap_err().to_string().contains('0'));
}

#[test]
fn the_default_is_what_the_page_says() {
    assert_eq!(Dialect::default(), Dialect::STRICT);
    let draft = telling();
    assert_eq!(input(&draft, Dialect::STRICT), draft.input());
}

#[tokio::test]
async fn a_key_takes_each_dialect_that_it_lists_and_no_other() {
    for (at, dialect) in FOUR.into_iter().enumerate() {
        let draft = telling().nonce(at);
        // Whatever its place in the list.
        for turn in 0..4 {
            let mut list = FOUR;
            list.rotate_left(turn);
            let answer = send(&layer_of(alice_in(&list)), signed(&draft, dialect)).await;
            assert_eq!((outcome(&answer), &*answer.body), ("accepted", "alice"), "{dialect:?}");
        }
        let others: Vec<Dialect> = FOUR.into_iter().filter(|other| *other != dialect).collect();
        let answer = send(&layer_of(alice_in(&others)), signed(&draft, dialect)).await;
        assert_eq!(outcome(&answer), "s3p.signature", "{dialect:?}");
    }
}

#[tokio::test]
async fn strict_counts_only_where_it_is_listed() {
    let key = alice_in(&[Dialect::MAVIANCE_NODEJS]);
    assert_eq!(outcome(&send(&layer_of(key), telling().request()).await), "s3p.signature");
    let key = alice_in(&[Dialect::MAVIANCE_NODEJS, Dialect::STRICT]);
    assert_eq!(outcome(&send(&layer_of(key), telling().request()).await), "accepted");
    assert_eq!(outcome(&send(&layer_of(alice()), telling().request()).await), "accepted");
}

#[tokio::test]
async fn a_request_passes_once_whatever_the_dialects_that_it_could_have_been_signed_in() {
    let layer = layer_of(alice_in(&FOUR));
    let draft = telling();
    assert_eq!(outcome(&send(&layer, signed(&draft, FOUR[3])).await), "accepted");
    for dialect in FOUR {
        assert_eq!(outcome(&send(&layer, signed(&draft, dialect)).await), "s3p.replayed");
    }
}

/// Texts that are equal are tried once; how often cannot be seen from without.
#[test]
fn ordinary_values_are_one_text_in_every_dialect() {
    for draft in [
        Draft::get("/v2/ping"),
        Draft::get("/v2/bill?merchant=TESTMERC&serviceid=99999&serviceNumber=a-b_c.d"),
        Draft::json(r#"{"amount":1000,"payItemId":"SPAY-DEV-958-AES-100013333-10010","tag":""}"#),
        Draft::form("amount=1000&payItemId=S-1"),
        Draft::json(r#"{"name":"é日😀","url":"https://shop.example/?id=1&status=2"}"#),
    ] {
        for dialect in NAMED {
            assert_eq!(input(&draft, dialect), draft.input(), "{dialect:?} {draft:?}");
        }
    }
}

#[tokio::test]
async fn the_unit_of_time_is_the_dialects() {
    let millis = Draft::get("/v2/ping").timestamp(NOW * 1000);
    let seconds = Draft::get("/v2/ping");
    for dialect in NAMED {
        let in_seconds = dialect.timestamp(TimestampUnit::Seconds);
        let in_millis = dialect.timestamp(TimestampUnit::Milliseconds);
        for (list, draft, expected) in [
            (&[in_seconds][..], &seconds, "accepted"),
            (&[in_seconds], &millis, "s3p.dialect"),
            (&[in_millis], &millis, "accepted"),
            (&[in_millis], &seconds, "s3p.dialect"),
            (&[in_seconds, in_millis], &seconds, "accepted"),
            (&[in_millis, in_seconds], &millis, "accepted"),
        ] {
            let answer = send(&layer_of(alice_in(list)), signed(draft, dialect)).await;
            assert_eq!(outcome(&answer), expected, "{list:?} {draft:?}");
        }
    }
}

#[tokio::test]
async fn a_dialect_counts_in_its_own_unit_alone() {
    // Without blanks trimmed in seconds, and with them in milliseconds: not the other way round.
    let list = [Dialect::STRICT.trim(Trim::Nothing), Dialect::POSTMAN];
    for (timestamp, dialect, expected) in [
        (NOW, list[0], "accepted"),
        (NOW, list[1], "s3p.signature"),
        (NOW * 1000, list[1], "accepted"),
        (NOW * 1000, list[0], "s3p.signature"),
    ] {
        let draft = Draft::get("/v2/bill?a=%20x").timestamp(timestamp);
        let answer = send(&layer_of(alice_in(&list)), signed(&draft, dialect)).await;
        assert_eq!(outcome(&answer), expected, "{timestamp} {dialect:?}");
    }
}

#[tokio::test]
async fn a_nonce_is_encoded_like_all_else() {
    for encoding in ENCODINGS {
        let dialect = Dialect::STRICT.encoding(encoding);
        for nonce in ["plain-._1", "n!'()*~", "=+/%20", "a#b$c,d:e;f?g@h[i]j^k`l{m|n}o"] {
            let draft = Draft::get("/v2/bill?a=1").nonce(nonce);
            let answer = send(&layer_of(alice_in(&[dialect])), signed(&draft, dialect)).await;
            assert_eq!(outcome(&answer), "accepted", "{encoding:?} {nonce}");
        }
    }
}

#[test]
fn each_part_of_a_dialect_changes_its_part_of_the_text() {
    let own = format!(
        "s3pAuth_nonce=a-nonce&s3pAuth_signature_method=HMAC-SHA1&s3pAuth_timestamp={NOW}\
         &s3pAuth_token={TOKEN}"
    );
    let draft = Draft::get("/v2/a'b?a=%09x%20&a-b=%20&z=y%01%20");
    for (dialect, string) in [
        (Dialect::STRICT, format!("a=x&a-b=&{own}&z=y\u{1}")),
        (Dialect::STRICT.trim(Trim::Nothing), format!("a=\tx &a-b= &{own}&z=y\u{1} ")),
        (Dialect::STRICT.trim(Trim::WholeString), format!("a=\tx &a-b=&{own}&z=y")),
        (Dialect::STRICT.order(Order::ByPair), format!("a-b=&a=x&{own}&z=y\u{1}")),
    ] {
        assert_eq!(input(&draft, dialect).unwrap().parameter_string(), string, "{dialect:?}");
    }
    // The URL is encoded like the rest.
    let draft = Draft::get("/v2/a'b(*)~?a=%20!~'()*%2B-._");
    let base = |encoding| {
        let dialect = Dialect::STRICT.trim(Trim::Nothing).encoding(encoding);
        let input = input(&draft, dialect).unwrap();
        let (start, _) = input.base_string().split_once("%26").unwrap();
        start.strip_prefix("GET&https%3A%2F%2Fpay.example.org%2Fs3p%2Fv2%2F").unwrap().to_owned()
    };
    for (encoding, text) in [
        (Encoding::Rfc3986, "a%27b%28%2A%29~&a%3D%20%21~%27%28%29%2A%2B-._"),
        (Encoding::EncodeUriComponent, "a'b(*)~&a%3D%20!~'()*%2B-._"),
        (Encoding::JavaUrlEncoder, "a%27b%28*%29%7E&a%3D%20%21%7E%27%28%29*%2B-._"),
        (Encoding::GoQueryEscape, "a%27b%28%2A%29~&a%3D+%21~%27%28%29%2A%2B-._"),
    ] {
        assert_eq!(base(encoding), text, "{encoding:?}");
    }
}

//! The parameters: how a query, a form and a flat JSON object are read.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use portcullis::S3pSignatureLayer;

use crate::{s3p_support::*, support::send};

/// The parameters of the request alone, as they are signed.
fn signed(draft: &Draft) -> Result<String, &'static str> {
    let input = draft.input()?;
    let text = input.parameter_string();
    let own = format!(
        "s3pAuth_nonce=a-nonce&s3pAuth_signature_method=HMAC-SHA1&s3pAuth_timestamp={NOW}&s3pAuth_token={TOKEN}"
    );
    let (before, after) = text.split_once(&own).unwrap();
    Ok(format!("{before}|{after}"))
}

#[test]
fn a_query_and_a_form_are_read_alike() {
    for (text, read) in [
        ("", Ok("|")),
        ("a=1", Ok("a=1&|")),
        ("b=2&a=1", Ok("a=1&b=2&|")),
        ("t=1&a=2&z=3", Ok("a=2&|&t=1&z=3")),
        // Upper case before lower case, `_` between.
        ("b=1&B=2&_b=3&b1=4&b-=5&b.=6", Ok("B=2&_b=3&b=1&b-=5&b.=6&b1=4&|")),
        ("a=1&A=2", Ok("A=2&a=1&|")),
        ("flag", Ok("flag=&|")),
        ("flag=", Ok("flag=&|")),
        ("&&a=1&&b=2&", Ok("a=1&b=2&|")),
        ("a=b=c==", Ok("a=b=c==&|")),
        ("a=x+y", Ok("a=x y&|")),
        ("a=x%20y", Ok("a=x y&|")),
        ("a=x%2By", Ok("a=x+y&|")),
        ("a=%C3%A9%e6%97%a5", Ok("a=é日&|")),
        ("%61=%31", Ok("a=1&|")),
        ("a=%2525", Ok("a=%25&|")),
        // Blanks are trimmed from values: not those within, and not what only some clients take for one.
        ("a=%0A++x+y%09%0A%0D", Ok("a=x y&|")),
        ("a=%C2%A0x%C2%A0", Ok("a=\u{a0}x\u{a0}&|")),
        ("a=x%00", Ok("a=x\0&|")),
        ("a=%0Bx%0C", Ok("a=\u{b}x\u{c}&|")),
        ("a=+", Ok("a=&|")),
        ("a=1&a=1", Err("s3p.repeated_parameter")),
        ("a=1&b=2&a=3", Err("s3p.repeated_parameter")),
        ("a=1&%61=2", Err("s3p.repeated_parameter")),
        ("a&a", Err("s3p.repeated_parameter")),
        ("=1", Err("s3p.parameter_name")),
        ("=", Err("s3p.parameter_name")),
        ("a=1&=", Err("s3p.parameter_name")),
        ("a%3D=1", Err("s3p.parameter_name")),
        ("a%26b=1", Err("s3p.parameter_name")),
        ("+a=1", Err("s3p.parameter_name")),
        ("a+=1", Err("s3p.parameter_name")),
        ("a%0D=1", Err("s3p.parameter_name")),
        ("%20=1", Err("s3p.parameter_name")),
        ("s3pAuth_nonce=1", Err("s3p.own_parameter")),
        ("s3pAuth_token=1", Err("s3p.own_parameter")),
        ("s3pAuth_signature=1", Err("s3p.own_parameter")),
        ("s3pAuth_=1", Err("s3p.own_parameter")),
        ("s3pAuth_new=1", Err("s3p.own_parameter")),
        ("s3pAuth%5Fnonce=1", Err("s3p.own_parameter")),
        ("%733pAuth_nonce", Err("s3p.own_parameter")),
        // Not one of the scheme's own: case counts.
        ("S3PAUTH_NONCE=1&s3pAuth=2", Ok("S3PAUTH_NONCE=1&s3pAuth=2&|")),
        ("a=%", Err("s3p.percent_encoding")),
        ("a=%4", Err("s3p.percent_encoding")),
        ("a=%zz", Err("s3p.percent_encoding")),
        ("a=%%41", Err("s3p.percent_encoding")),
        ("a=%+1", Err("s3p.percent_encoding")),
        ("%=1", Err("s3p.percent_encoding")),
        ("a=%FF", Err("s3p.percent_encoding")),
        ("a=%C3", Err("s3p.percent_encoding")),
        ("a=%ED%A0%80", Err("s3p.percent_encoding")),
        ("a=%C0%80", Err("s3p.percent_encoding")),
        ("a=%E9", Err("s3p.percent_encoding")),
        ("a=%u00e9", Err("s3p.percent_encoding")),
    ] {
        let read = read.map(str::to_owned);
        assert_eq!(signed(&Draft::get(&format!("/v2/bill?{text}"))), read, "{text}");
        assert_eq!(signed(&Draft::form(text)), read, "{text}");
    }
}

#[test]
fn bytes_of_a_form_that_are_no_text_are_refused() {
    for bytes in [&b"a=\xff"[..], b"\xff=1", b"a=\xc3&b=\xa9"] {
        assert_eq!(signed(&Draft::form(bytes)), Err("s3p.percent_encoding"), "{bytes:?}");
    }
    assert_eq!(signed(&Draft::form("a=é")), Ok("a=é&|".to_owned()));
}

#[test]
fn a_flat_json_object_is_read_with_its_numbers_as_they_are_written() {
    for (text, read) in [
        ("{}", Ok("|")),
        (" {\n\t} \r\n", Ok("|")),
        (r#"{"b":"2","a":"1"}"#, Ok("a=1&b=2&|")),
        (r#"{"z":"1","a":2}"#, Ok("a=2&|&z=1")),
        (r#"{"a":1000}"#, Ok("a=1000&|")),
        (r#"{"a":"1000"}"#, Ok("a=1000&|")),
        (r#"{"a":1000.0}"#, Ok("a=1000.0&|")),
        (r#"{"a":1e3}"#, Ok("a=1e3&|")),
        (r#"{"a" : 1E+3 }"#, Ok("a=1E+3&|")),
        (r#"{"a":-0}"#, Ok("a=-0&|")),
        (r#"{"a":-0.0}"#, Ok("a=-0.0&|")),
        (r#"{"a":1e400}"#, Ok("a=1e400&|")),
        (r#"{"a":123456789012345678901234567890.10}"#, Ok("a=123456789012345678901234567890.10&|")),
        (r#"{"a":"\u00e9\n\"\\\/\ud83d\ude00"}"#, Ok("a=é\n\"\\/😀&|")),
        (r#"{"a":"  x\t"}"#, Ok("a=x&|")),
        (r#"{"a":"x\u0000"}"#, Ok("a=x\0&|")),
        (r#"{"a":""}"#, Ok("a=&|")),
        (r#"{"\u0061":"1"}"#, Ok("a=1&|")),
        (r#"{"a":"%41+"}"#, Ok("a=%41+&|")),
        (r#"{"a":"{\"b\":[1,2]}"}"#, Ok(r#"a={"b":[1,2]}&|"#)),
        (r#"{"a":true}"#, Err("s3p.value_type")),
        (r#"{"a":false}"#, Err("s3p.value_type")),
        (r#"{"a":null}"#, Err("s3p.value_type")),
        (r#"{"a":{}}"#, Err("s3p.value_type")),
        (r#"{"a":[]}"#, Err("s3p.value_type")),
        (r#"{"a":["1"]}"#, Err("s3p.value_type")),
        (r#"{"a":"1","b":{"c":"2"}}"#, Err("s3p.value_type")),
        (r#"{"a":1,"a":2}"#, Err("s3p.repeated_parameter")),
        (r#"{"a":1,"a":1}"#, Err("s3p.repeated_parameter")),
        (r#"{"a":1,"\u0061":1}"#, Err("s3p.repeated_parameter")),
        (r#"{"":1}"#, Err("s3p.parameter_name")),
        (r#"{"a=b":1}"#, Err("s3p.parameter_name")),
        (r#"{"a&b":1}"#, Err("s3p.parameter_name")),
        (r#"{" a":1}"#, Err("s3p.parameter_name")),
        (r#"{"s3pAuth_nonce":"1"}"#, Err("s3p.own_parameter")),
        (r#"{"s3pAuth\u005fnonce":"1"}"#, Err("s3p.own_parameter")),
        ("", Ok("|")),
        (" ", Err("s3p.json")),
        ("null", Err("s3p.json")),
        ("1", Err("s3p.json")),
        (r#""a""#, Err("s3p.json")),
        ("[]", Err("s3p.json")),
        (r#"[{"a":1}]"#, Err("s3p.json")),
        (r#"["a","1"]"#, Err("s3p.json")),
        ("{} {}", Err("s3p.json")),
        ("{}x", Err("s3p.json")),
        ("{", Err("s3p.json")),
        (r#"{"a":1,}"#, Err("s3p.json")),
        (r"{a:1}", Err("s3p.json")),
        (r"{'a':1}", Err("s3p.json")),
        (r#"{"a":01}"#, Err("s3p.json")),
        (r#"{"a":+1}"#, Err("s3p.json")),
        (r#"{"a":.5}"#, Err("s3p.json")),
        (r#"{"a":1.}"#, Err("s3p.json")),
        (r#"{"a":0x10}"#, Err("s3p.json")),
        (r#"{"a":NaN}"#, Err("s3p.json")),
        (r#"{"a":-Infinity}"#, Err("s3p.json")),
        (r#"{"a":"\ud800"}"#, Err("s3p.json")),
        (r#"{"a":"\x41"}"#, Err("s3p.json")),
        ("{\"a\":\"\n\"}", Err("s3p.json")),
        (r#"{"a":1/**/}"#, Err("s3p.json")),
        ("\u{feff}{}", Err("s3p.json")),
        ("a=1", Err("s3p.json")),
    ] {
        assert_eq!(signed(&Draft::json(text)), read.map(str::to_owned), "{text}");
    }
}

#[test]
fn bytes_of_json_that_are_no_text_are_refused() {
    for bytes in [&b"{\"a\":\"\xff\"}"[..], b"{\"\xff\":1}", b"\xff\xfe{\0}\0", b"{\"a\":1}\0"] {
        assert_eq!(signed(&Draft::json(bytes)), Err("s3p.json"), "{bytes:?}");
    }
}

#[tokio::test]
async fn json_of_any_depth_is_refused() {
    let layer = S3pSignatureLayer::new(auth().max_body(1024 * 1024));
    let deep = format!("{{\"a\":{}1{}}}", "[".repeat(200_000), "]".repeat(200_000));
    assert_eq!(send(&layer, Draft::json(deep).request()).await.status, 400);
    let open = format!("{{\"a\":{}", "{\"a\":".repeat(100_000));
    assert_eq!(send(&layer, Draft::json(open).request()).await.status, 400);
}

#[tokio::test]
async fn a_request_has_at_most_256_parameters() {
    let numbered = |count: usize| (0..count).map(|at| format!("k{at}"));
    let form = |count| numbered(count).map(|name| format!("{name}=1")).collect::<Vec<_>>().join("&");
    let json =
        |count| numbered(count).map(|name| format!("\"{name}\":1")).collect::<Vec<_>>().join(",");
    let layer = S3pSignatureLayer::new(auth().max_body(1024 * 1024));
    for (count, reason) in
        [(256, None), (257, Some("s3p.many_parameters")), (20_000, Some("s3p.many_parameters"))]
    {
        let mut drafts = vec![Draft::form(form(count)), Draft::json(format!("{{{}}}", json(count)))];
        if count < 1000 {
            drafts.push(Draft::get(&format!("/v2/bill?{}", form(count))));
        }
        for (nonce, draft) in drafts.into_iter().enumerate() {
            let answer = send(&layer, draft.nonce(format!("{count}-{nonce}")).request()).await;
            let refused = answer.rejection.as_ref().map(portcullis::Rejection::reason);
            assert_eq!(refused, reason, "{count} {nonce}");
            assert_eq!(answer.status, if reason.is_some() { 400 } else { 200 });
        }
    }
    // Empty pairs are none, and one that is there twice is seen among many.
    assert_eq!(send(&layer, Draft::form("&".repeat(2000)).request()).await.status, 200);
    let twice = format!("{{{},\"k7\":7}}", json(255));
    assert_eq!(send(&layer, Draft::json(twice).request()).await.reason(), "s3p.repeated_parameter");
}

#[tokio::test]
async fn a_signature_over_one_spelling_of_a_number_is_none_over_another() {
    let spellings = ["1000", "1000.0", "1e3", "1E3", "1000.00", "10e2"];
    for signed in spellings {
        for sent in spellings {
            let mut draft = Draft::json(format!(r#"{{"amount":{signed}}}"#));
            let authorization = draft.authorization();
            draft.body = format!(r#"{{"amount":{sent}}}"#).into();
            let answer = send(&layer(), draft.request_with(authorization)).await;
            assert_eq!(
                answer.status.as_u16(),
                if signed == sent { 200 } else { 401 },
                "{signed} {sent}"
            );
        }
    }
}

#[test]
fn all_that_is_not_unreserved_is_encoded_once() {
    let draft = Draft::get("/v2/a~b%20c?n=-._~!'()*%20%2B%C3%A9/:@,;$");
    assert!(draft.input().unwrap().base_string().starts_with(
        "GET&https%3A%2F%2Fpay.example.org%2Fs3p%2Fv2%2Fa~b%2520c&\
         n%3D-._~%21%27%28%29%2A%20%2B%C3%A9%2F%3A%40%2C%3B%24%26s3pAuth_nonce%3Da-nonce%26"
    ));
}

#[test]
fn a_value_that_reads_as_another_parameter_is_ambiguous() {
    const AMBIGUOUS: Result<&str, &str> = Err("s3p.ambiguous_value");
    for (name, value, read) in [
        ("amount", "1000&payItemId=X", AMBIGUOUS),
        ("trid", "1&zeta=2", AMBIGUOUS),
        ("a", "1&b=2", AMBIGUOUS),
        ("a", "&b=", AMBIGUOUS),
        ("a", "1&x&b=2", AMBIGUOUS),
        ("a", "1&b=2=3", AMBIGUOUS),
        ("a", "1&s3pAuth_nonce=evil", AMBIGUOUS),
        ("s3pAuth", "&s3pAuth_nonce=evil", AMBIGUOUS),
        ("t", "1&u=2", AMBIGUOUS),
        ("t", "1&ta=2", AMBIGUOUS),
        ("a", "1&a-=2", AMBIGUOUS),
        // The scheme's own have one place, wherever they might be read.
        ("t", "1&s3pAuth_nonce=evil", AMBIGUOUS),
        ("a", "1&s3pAuth_token=evil", AMBIGUOUS),
        ("a", "1&s3pAuth_=", AMBIGUOUS),
        // Nothing of these could stand where they would have to.
        ("a", "1&", Ok("a=1&&|")),
        ("a", "&", Ok("a=&&|")),
        ("a", "1&b", Ok("a=1&b&|")),
        ("b", "1&a=2", Ok("b=1&a=2&|")),
        ("b", "1&b=2", Ok("b=1&b=2&|")),
        ("b", "1&=2", Ok("b=1&=2&|")),
        ("b", "1&B=2", Ok("b=1&B=2&|")),
        ("t", "1&a=2", Ok("|&t=1&a=2")),
        ("a", "1&t=2", Ok("a=1&t=2&|")),
        ("b", "1& c=2", Ok("b=1& c=2&|")),
        ("b", "1&c =2", Ok("b=1&c =2&|")),
        (
            "callbackUrl",
            "https://shop.example/?id=1&status=2",
            Ok("callbackUrl=https://shop.example/?id=1&status=2&|"),
        ),
    ] {
        let draft = Draft::json(serde_json::json!({ name: value }).to_string());
        assert_eq!(signed(&draft), read.map(str::to_owned), "{name}: {value}");
    }
}

#[tokio::test]
async fn the_split_the_move_and_the_own_parameters_are_refused() {
    // Each pair is one parameter string. The first is honest; the second would do something else with
    // the same signature.
    let honest = Draft::json(r#"{"amount":"1000","payItemId":"X"}"#);
    let mut split = honest.clone();
    split.body = r#"{"amount":"1000&payItemId=X"}"#.into();
    let mut moved = honest.clone();
    moved.target = "/v2/quotestd?amount=1000".to_owned();
    moved.body = r#"{"payItemId":"X"}"#.into();
    for other in [split, moved] {
        let answer = send(&layer(), other.request_with(honest.authorization())).await;
        assert_eq!(answer.status, 400, "{other:?}");
    }
    assert_eq!(send(&layer(), honest.request()).await.status, 200);

    // Here the nonce would be another, too: a replay without a repeated nonce.
    let encode = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let own = |nonce: &str| {
        Draft::get("/v2/bill").nonce(nonce).input().unwrap().parameter_string().to_owned()
    };
    let one =
        Draft::get(&format!("/v2/bill?a=1&t={}", encode(&format!("9&{}", own("n2"))))).nonce("n1");
    let other =
        Draft::get(&format!("/v2/bill?a={}", encode(&format!("1&{}&t=9", own("n1"))))).nonce("n2");
    assert_eq!(one.input(), Err("s3p.ambiguous_value"));
    assert_eq!(other.input(), Err("s3p.ambiguous_value"));
}

/// The fields of the scheme's own `POST /collectstd`, with this `callbackUrl`.
fn collection(callback_url: &str, optional: &[&str]) -> Draft {
    let mut body = serde_json::json!({
        "quoteId": "7d0f",
        "customerPhonenumber": "237677777777",
        "customerEmailaddress": "anna@example.org",
        "callbackUrl": callback_url,
    });
    for name in optional {
        body[name] = "x".into();
    }
    Draft::json(body.to_string())
}

#[tokio::test]
async fn a_callback_url_with_a_query_of_its_own_passes_with_the_other_fields_of_a_payment() {
    let names = [
        "action",
        "amount",
        "hash",
        "id",
        "invoice",
        "key",
        "lang",
        "order",
        "order_id",
        "page",
        "payment",
        "ref",
        "reference",
        "session",
        "status",
        "token",
        "trid",
        "tx",
        "user",
        "v",
    ];
    for name in names {
        let url = format!("https://shop.example/back?shop=7&{name}=1");
        let answer = send(&layer(), collection(&url, &[]).request()).await;
        assert_eq!((answer.status.as_u16(), &*answer.body), (200, "alice"), "{url}");
    }
    // Two such names, or one that sorts before the others: more of the fields have to be there.
    for (query, optional, read) in [
        ("a=1&order=2&ref=3", &["customerName"][..], true),
        ("a=1&id=2&order=3", &[], false),
        ("a=1&id=2&order=3", &["customerName"], true),
        ("a=1&id=2&order=3&page=4", &["customerName", "customerNumber"], true),
        ("a=1&code=2", &["cdata"], false),
        ("a=1&customer=2", &["cdata"], false),
    ] {
        let url = format!("https://shop.example/back?{query}");
        let answer = send(&layer(), collection(&url, optional).request()).await;
        let expected = if read { 200 } else { 400 };
        assert_eq!(answer.status, expected, "{query} {optional:?}");
    }
    // Escaped, a query is a part of the value however long it is.
    let url = "https://shop.example/back?to=%3Fid%3D1%26code%3D2%26customer%3D3";
    assert_eq!(send(&layer(), collection(url, &[]).request()).await.status, 200);
}

#[test]
fn of_two_readings_the_one_with_more_parameters_is_accepted_and_of_equals_none() {
    const AMBIGUOUS: Result<&str, &str> = Err("s3p.ambiguous_value");
    for (form, read) in [
        // `c` could stand behind `a`, but only in the place of `b`, or of `b` and `bb`.
        ("a=1%26c%3D2&b=3", AMBIGUOUS),
        ("a=1%26c%3D2&b=3&bb=4", Ok("a=1&c=2&b=3&bb=4&|")),
        ("a=1%26c%3D2&d=3", AMBIGUOUS),
        ("a=1%26c%3D2%26d%3D3&b=4&bb=5", AMBIGUOUS),
        ("a=1%26c%3D2%26d%3D3&b=4&bb=5&bbb=6", Ok("a=1&c=2&d=3&b=4&bb=5&bbb=6&|")),
        // The first parameter is the first of every reading.
        ("b=1%26a%3D2%26c%3D3", AMBIGUOUS),
        ("b=1%26a%3D2&c=3", Ok("b=1&a=2&c=3&|")),
        // Behind the scheme's own.
        ("t=1%26v%3D2&u=3", AMBIGUOUS),
        ("t=1%26v%3D2&u=3&uu=4", Ok("|&t=1&v=2&u=3&uu=4")),
        // On the other side, it cannot stand.
        ("a=1%26t%3D2&b=3", Ok("a=1&t=2&b=3&|")),
        ("t=1%26a%3D2&u=3", Ok("|&t=1&a=2&u=3")),
        // One side is no help to the other.
        ("a=1%26b%3D2&t=1&u=2&v=3", AMBIGUOUS),
        // By one order `a-b` follows `a`, by the other `a` follows `a-b`.
        ("a=1%26a-b%3D2", AMBIGUOUS),
        ("a-b=1%26a%3D2", AMBIGUOUS),
        // `s` stands on either side, by the order.
        ("a=1%26s%3D2", AMBIGUOUS),
    ] {
        assert_eq!(signed(&Draft::form(form)), read.map(str::to_owned), "{form}");
    }
}

#[tokio::test]
async fn a_value_of_very_many_names_is_refused() {
    // None of them could stand behind `b`.
    for (count, status) in [(100, 200), (127, 200), (128, 400), (5_000, 400)] {
        let names: Vec<String> = (0..count).map(|at| format!("&a{at}=")).collect();
        let value = names.concat();
        let draft = Draft::json(serde_json::json!({ "b": value }).to_string());
        assert_eq!(send(&layer(), draft.request()).await.status, status, "{count}");
    }
}

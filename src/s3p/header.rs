use base64::{Engine, engine::general_purpose::STANDARD};
use memchr::memchr;

use super::{SignatureMethod, Stamp, TimestampUnit, dialect::is_plain};

/// The longest header that is looked at, in bytes: well more than five fields need.
const MAX_LENGTH: usize = 2048;

/// The longest nonce and the longest token, in bytes.
const MAX_TEXT: usize = 128;

/// The fields of an S3P `Authorization` header, as they were sent: unproved.
#[derive(Clone, Copy)]
#[cfg_attr(test, derive(Debug, Eq, PartialEq))]
pub(super) struct S3pCredentials<'h> {
    pub(super) nonce: &'h str,
    pub(super) method: SignatureMethod,
    /// Of the method's length; the rest is zero.
    signature: [u8; LONGEST],
    /// As it was sent and signed.
    timestamp: &'h str,
    /// The timestamp, in its unit.
    pub(super) unix_timestamp: i64,
    pub(super) token: &'h str,
    /// Whether nonce and token are letters, digits and what else every encoding leaves as it is.
    pub(super) is_plain: bool,
}

/// The bytes of the longest signature.
const LONGEST: usize = SignatureMethod::HmacSha256.length();

impl<'h> S3pCredentials<'h> {
    /// Reads what follows the scheme's name. The error is a stable code.
    pub(super) fn parse(credentials: &'h [u8]) -> Result<Self, &'static str> {
        if credentials.len() > MAX_LENGTH {
            return Err("s3p.too_long");
        }
        let (mut nonce, mut signature, mut method, mut timestamp, mut token) =
            (None, None, None, None, None);
        let text = str::from_utf8(credentials).map_err(|_| "s3p.header")?;
        let mut rest = Some(after_separator(text).ok_or("s3p.separator")?);
        while let Some(text) = rest {
            let (field, value) = if let Some(value) = text.strip_prefix("s3pAuth_nonce=\"") {
                (&mut nonce, value)
            } else if let Some(value) = text.strip_prefix("s3pAuth_signature=\"") {
                (&mut signature, value)
            } else if let Some(value) = text.strip_prefix("s3pAuth_signature_method=\"") {
                (&mut method, value)
            } else if let Some(value) = text.strip_prefix("s3pAuth_timestamp=\"") {
                (&mut timestamp, value)
            } else if let Some(value) = text.strip_prefix("s3pAuth_token=\"") {
                (&mut token, value)
            } else {
                return Err(if text.contains("=\"") { "s3p.unknown_field" } else { "s3p.header" });
            };
            let (value, next) = read_value(value).ok_or("s3p.header")?;
            if field.replace(value).is_some() {
                return Err("s3p.repeated_field");
            }
            rest = next;
        }
        let missing = "s3p.missing_field";
        let method = SignatureMethod::of_name(method.ok_or(missing)?).ok_or("s3p.signature_method")?;
        let (nonce, is_plain_nonce) = opaque(nonce.ok_or(missing)?).ok_or("s3p.nonce")?;
        let signature = mac(signature.ok_or(missing)?, method).ok_or("s3p.signature_encoding")?;
        let (timestamp, unix_timestamp) = time(timestamp.ok_or(missing)?).ok_or("s3p.timestamp")?;
        let (token, is_plain_token) = opaque(token.ok_or(missing)?).ok_or("s3p.token")?;
        let is_plain = is_plain_nonce && is_plain_token;
        Ok(Self { nonce, method, signature, timestamp, unix_timestamp, token, is_plain })
    }

    /// The unit of the timestamp: by its length, since any time in seconds has ten digits until the year
    /// 2286, and any time in milliseconds thirteen. Whether the key's client may use it is told later.
    pub(super) fn unit(&self) -> TimestampUnit {
        match self.timestamp.len() {
            13 => TimestampUnit::Milliseconds,
            _ => TimestampUnit::Seconds,
        }
    }

    /// Whole seconds since 1970-01-01T00:00:00Z.
    pub(super) fn unix_seconds(&self) -> i64 {
        match self.unit() {
            TimestampUnit::Seconds => self.unix_timestamp,
            TimestampUnit::Milliseconds => self.unix_timestamp / 1000,
        }
    }

    pub(super) fn signature(&self) -> &[u8] {
        &self.signature[..self.method.length()]
    }

    pub(super) fn stamp(&self) -> Stamp<'h> {
        let Self { nonce, timestamp, token, method, .. } = *self;
        Stamp { nonce, timestamp, token, method }
    }
}

/// What follows the scheme's name and stands before the first field: `,`, blanks, or both.
fn after_separator(credentials: &str) -> Option<&str> {
    let after_blanks = after_blanks(credentials);
    let first = after_blanks.strip_prefix(',').unwrap_or(after_blanks);
    (first.len() < credentials.len()).then(|| self::after_blanks(first))
}

fn after_blanks(text: &str) -> &str {
    let blanks = text.bytes().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    &text[blanks..]
}

/// A value up to its closing quote, and what follows the comma after it, if there is one, with or without blanks.
fn read_value(text: &str) -> Option<(&str, Option<&str>)> {
    let end = memchr(b'"', text.as_bytes())?;
    let (value, rest) = (&text[..end], after_blanks(&text[end + 1..]));
    if rest.is_empty() {
        return Some((value, None));
    }
    let next = rest.strip_prefix(',')?;
    Some((value, Some(after_blanks(next))))
}

/// Visible ASCII, and whether it is the same in every encoding. Without `&`: the text is joined with others by
/// that. Without `\`: nobody escapes.
fn opaque(text: &str) -> Option<(&str, bool)> {
    if !(1..=MAX_TEXT).contains(&text.len()) {
        return None;
    }
    match text.bytes().fold(PLAIN, |class, byte| class & CLASSES[usize::from(byte)]) {
        PLAIN => Some((text, true)),
        ALLOWED => Some((text, false)),
        _ => None,
    }
}

/// What a nonce or a token may hold.
const ALLOWED: u8 = 1;
/// What of it every encoding leaves as it is.
const PLAIN: u8 = 3;

static CLASSES: [u8; 256] = {
    let mut classes = [0; 256];
    let mut byte = b'!';
    while byte <= b'~' {
        classes[byte as usize] = match byte {
            b'&' | b'\\' => 0,
            byte if is_plain(byte) => PLAIN,
            _ => ALLOWED,
        };
        byte += 1;
    }
    classes
};

/// Ten digits, or thirteen, and the number: any time between 2001 and 2286. No sign, no blank, no leading zero.
fn time(text: &str) -> Option<(&str, i64)> {
    if !matches!(text.len(), 10 | 13) || text.starts_with('0') {
        return None;
    }
    let digit = |byte: u8| byte.is_ascii_digit().then(|| i64::from(byte - b'0'));
    let number = text.bytes().try_fold(0, |sum, byte| Some(sum * 10 + digit(byte)?))?;
    Some((text, number))
}

fn mac(text: &str, method: SignatureMethod) -> Option<[u8; LONGEST]> {
    /// What a decoder asks for that counts whole groups of four characters.
    const ROOM: usize = LONGEST.div_ceil(3) * 3;
    let mut bytes = [0; ROOM];
    let length = STANDARD.decode_slice(text, &mut bytes).ok()?;
    let (signature, _) = bytes.split_first_chunk()?;
    (length == method.length()).then_some(*signature)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONCE: &str = r#"s3pAuth_nonce="634968823463411609""#;
    const SIGNATURE: &str = r#"s3pAuth_signature="1CLm+TQLwelkE+5Za+Vi+7G5M8U=""#;
    const METHOD: &str = r#"s3pAuth_signature_method="HMAC-SHA1""#;
    const TIMESTAMP: &str = r#"s3pAuth_timestamp="1361281946""#;
    const TOKEN: &str = r#"s3pAuth_token="xvz1evFS4wEEPTGEFPHBog""#;

    fn parse(text: &str) -> Result<S3pCredentials<'_>, &'static str> {
        S3pCredentials::parse(text.as_bytes())
    }

    #[test]
    fn every_form_in_the_field_is_read_in_any_order() {
        let fields = [NONCE, SIGNATURE, METHOD, TIMESTAMP, TOKEN];
        for start in [",", ", ", " ", "  ", " , ", "\t"] {
            for between in [",", ", ", " , ", ",\t"] {
                for turn in 0..fields.len() {
                    let mut turned = fields;
                    turned.rotate_left(turn);
                    let text = format!("{start}{} ", turned.join(between));
                    let read = parse(&text).unwrap();
                    assert_eq!(read.nonce, "634968823463411609");
                    assert_eq!(read.token, "xvz1evFS4wEEPTGEFPHBog");
                    assert_eq!(read.unix_timestamp, 1_361_281_946);
                }
            }
        }
    }

    #[test]
    fn what_breaks_the_grammar_is_malformed() {
        let all = [NONCE, SIGNATURE, METHOD, TIMESTAMP, TOKEN];
        let with = |at: usize, field: &str| {
            let mut fields = all.map(str::to_owned);
            fields[at] = field.to_owned();
            format!(" {}", fields.join(","))
        };
        for (text, reason) in [
            (String::new(), "s3p.separator"),
            (all.join(","), "s3p.separator"),
            (" ".into(), "s3p.header"),
            (",".into(), "s3p.header"),
            (format!(",,{}", all.join(",")), "s3p.unknown_field"),
            (format!(" {}", all[..4].join(",")), "s3p.missing_field"),
            (format!(" {},", all.join(",")), "s3p.header"),
            (format!(" {},{NONCE}", all.join(",")), "s3p.repeated_field"),
            (format!(r#" {},realm="x""#, all.join(",")), "s3p.unknown_field"),
            (format!(" {}", all.join(" ")), "s3p.header"),
            (format!(" {}", all.join(",,")), "s3p.unknown_field"),
            (with(0, "s3pAuth_nonce=634968823463411609"), "s3p.unknown_field"),
            (with(0, r#"s3pAuth_nonce ="1""#), "s3p.unknown_field"),
            (with(0, r#"S3PAUTH_NONCE="1""#), "s3p.unknown_field"),
            (with(0, r#"s3pAuth_nonce="""#), "s3p.nonce"),
            (with(0, r#"s3pAuth_nonce="a b""#), "s3p.nonce"),
            (with(0, r#"s3pAuth_nonce="a&b""#), "s3p.nonce"),
            (with(0, r#"s3pAuth_nonce="a\"b""#), "s3p.header"),
            (with(0, r#"s3pAuth_nonce="é""#), "s3p.nonce"),
            (with(0, &format!(r#"s3pAuth_nonce="{}""#, "n".repeat(129))), "s3p.nonce"),
            (with(1, r#"s3pAuth_signature="1CLm+TQLwelkE+5Za+Vi+7G5M8U""#), "s3p.signature_encoding"),
            (with(1, r#"s3pAuth_signature="1CLm+TQLwelkE+5Za+Vi+7G5M8V=""#), "s3p.signature_encoding"),
            (with(1, r#"s3pAuth_signature="1CLm-TQLwelkE-5Za-Vi-7G5M8U=""#), "s3p.signature_encoding"),
            (with(1, r#"s3pAuth_signature="AAAA""#), "s3p.signature_encoding"),
            (with(2, r#"s3pAuth_signature_method="hmac-sha1""#), "s3p.signature_method"),
            (with(2, r#"s3pAuth_signature_method="PLAINTEXT""#), "s3p.signature_method"),
            (with(3, r#"s3pAuth_timestamp="13612819460""#), "s3p.timestamp"),
            (with(3, r#"s3pAuth_timestamp="13612819460000""#), "s3p.timestamp"),
            (with(3, r#"s3pAuth_timestamp="+136128194""#), "s3p.timestamp"),
            (with(3, r#"s3pAuth_timestamp="0361281946""#), "s3p.timestamp"),
            (with(3, r#"s3pAuth_timestamp="136128194.""#), "s3p.timestamp"),
            (with(3, r#"s3pAuth_timestamp="0x51238000""#), "s3p.timestamp"),
            (with(3, r#"s3pAuth_timestamp="١٢٣٤٥""#), "s3p.timestamp"),
            (with(4, r#"s3pAuth_token="""#), "s3p.token"),
        ] {
            assert_eq!(parse(&text), Err(reason), "{text}");
        }
        assert_eq!(S3pCredentials::parse(b" \xff"), Err("s3p.header"));
    }
}

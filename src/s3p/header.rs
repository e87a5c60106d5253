use base64::{Engine, engine::general_purpose::STANDARD};

use super::{SignatureMethod, Stamp, TimestampUnit};

/// What may stand beside a comma.
const BLANK: [char; 2] = [' ', '\t'];

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
    signature: [u8; 32],
    /// As it was sent and signed.
    pub(super) timestamp: &'h str,
    pub(super) token: &'h str,
}

impl<'h> S3pCredentials<'h> {
    /// Reads what follows the scheme's name. The error is a stable code.
    pub(super) fn parse(credentials: &'h [u8]) -> Result<Self, &'static str> {
        if credentials.len() > MAX_LENGTH {
            return Err("s3p.too_long");
        }
        let text = str::from_utf8(credentials).map_err(|_| "s3p.header")?;
        let (mut nonce, mut signature, mut method, mut timestamp, mut token) =
            (None, None, None, None, None);
        for pair in pairs(text)? {
            let (name, value) = pair?;
            let field = match name {
                "s3pAuth_nonce" => &mut nonce,
                "s3pAuth_signature" => &mut signature,
                "s3pAuth_signature_method" => &mut method,
                "s3pAuth_timestamp" => &mut timestamp,
                "s3pAuth_token" => &mut token,
                _ => return Err("s3p.unknown_field"),
            };
            if field.replace(value).is_some() {
                return Err("s3p.repeated_field");
            }
        }
        let missing = "s3p.missing_field";
        let method = SignatureMethod::of_name(method.ok_or(missing)?).ok_or("s3p.signature_method")?;
        Ok(Self {
            nonce: opaque(nonce.ok_or(missing)?).ok_or("s3p.nonce")?,
            method,
            signature: mac(signature.ok_or(missing)?, method).ok_or("s3p.signature_encoding")?,
            timestamp: time(timestamp.ok_or(missing)?).ok_or("s3p.timestamp")?,
            token: opaque(token.ok_or(missing)?).ok_or("s3p.token")?,
        })
    }

    /// The unit of the timestamp: by its length, since any time in seconds has ten digits until the year
    /// 2286, and any time in milliseconds thirteen. Whether the key's client may use it is told later.
    pub(super) fn unit(&self) -> TimestampUnit {
        match self.timestamp.len() {
            13 => TimestampUnit::Milliseconds,
            _ => TimestampUnit::Seconds,
        }
    }

    /// Since 1970-01-01T00:00:00Z, in its unit.
    pub(super) fn unix_timestamp(&self) -> i64 {
        self.timestamp.bytes().fold(0, |sum, digit| sum * 10 + i64::from(digit - b'0'))
    }

    /// Whole seconds since 1970-01-01T00:00:00Z.
    pub(super) fn unix_seconds(&self) -> i64 {
        match self.unit() {
            TimestampUnit::Seconds => self.unix_timestamp(),
            TimestampUnit::Milliseconds => self.unix_timestamp() / 1000,
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

/// The `name="value"` pairs. The field has three forms: `s3pAuth,k="v"`, `s3pAuth, k="v"` and
/// `s3pAuth k="v"`; between pairs stands a comma, with or without blanks.
fn pairs(text: &str) -> Result<impl Iterator<Item = Result<(&str, &str), &'static str>>, &'static str> {
    let after_blanks = text.trim_start_matches(BLANK);
    let first = after_blanks.strip_prefix(',').unwrap_or(after_blanks);
    if first.len() == text.len() {
        return Err("s3p.separator");
    }
    let mut rest = Some(first.trim_matches(BLANK));
    Ok(std::iter::from_fn(move || {
        let pair = read_pair(rest?);
        rest = pair.ok().and_then(|(_, after)| after);
        Some(pair.map(|(pair, _)| pair))
    }))
}

type Pair<'h> = (&'h str, &'h str);

/// One pair, and what follows the comma after it.
fn read_pair(text: &str) -> Result<(Pair<'_>, Option<&str>), &'static str> {
    let (name, rest) = text.split_once("=\"").ok_or("s3p.header")?;
    let (value, rest) = rest.split_once('"').ok_or("s3p.header")?;
    let rest = rest.trim_start_matches(BLANK);
    if rest.is_empty() {
        return Ok(((name, value), None));
    }
    let next = rest.strip_prefix(',').ok_or("s3p.header")?;
    Ok(((name, value), Some(next.trim_start_matches(BLANK))))
}

/// Visible ASCII. Without `&`: the text is joined with others by that. Without `\`: nobody escapes.
fn opaque(text: &str) -> Option<&str> {
    let fits = (1..=MAX_TEXT).contains(&text.len());
    let allowed = |byte: u8| matches!(byte, 0x21..=0x7E) && !matches!(byte, b'&' | b'\\');
    (fits && text.bytes().all(allowed)).then_some(text)
}

/// Ten digits, or thirteen: any time between 2001 and 2286. No sign, no blank, no leading zero.
fn time(text: &str) -> Option<&str> {
    let digits = matches!(text.len(), 10 | 13) && text.bytes().all(|byte| byte.is_ascii_digit());
    (digits && !text.starts_with('0')).then_some(text)
}

fn mac(text: &str, method: SignatureMethod) -> Option<[u8; 32]> {
    let bytes = STANDARD.decode(text).ok().filter(|bytes| bytes.len() == method.length())?;
    let mut signature = [0; 32];
    signature[..bytes.len()].copy_from_slice(&bytes);
    Some(signature)
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
                    assert_eq!(read.unix_timestamp(), 1_361_281_946);
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

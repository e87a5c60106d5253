//! The bearer token in an `Authorization` field (RFC 6750 section 2.1).

use crate::head::after_blanks;

/// Reads what follows the scheme's name: one or more blanks, then `b64token`.
pub(crate) fn token(credentials: &[u8]) -> Option<&str> {
    let token = after_blanks(credentials)?;
    let padding = token.iter().rev().take_while(|byte| **byte == b'=').count();
    let (text, _) = token.split_at(token.len() - padding);
    let is_b64token = |byte: &u8| {
        byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'+' | b'/')
    };
    if text.is_empty() || !text.iter().all(is_b64token) {
        return None;
    }
    std::str::from_utf8(token).ok()
}

#[cfg(test)]
mod tests {
    use super::token;

    #[test]
    fn b64tokens_are_read_and_nothing_else_is() {
        for (sent, read) in [
            (&b" mF_9.B5f-4.1JqM"[..], Some("mF_9.B5f-4.1JqM")),
            (b"   abc==", Some("abc==")),
            (b" a~+/-._", Some("a~+/-._")),
            (b"", None),
            (b" ", None),
            (b" ==", None),
            (b"\tabc", None),
            (b",abc", None),
            (b" a b", None),
            (b" abc ", None),
            (b" a=b", None),
            (b" a\xffb", None),
            (b" a,b", None),
            (b" \"abc\"", None),
        ] {
            assert_eq!(token(sent), read, "{}", String::from_utf8_lossy(sent));
        }
    }
}

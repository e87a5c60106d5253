use base64::{Engine, engine::general_purpose::STANDARD};
use zeroize::Zeroizing;

use crate::head::after_blanks;

/// The longest credentials that are looked at, in bytes of base64: well more than the longest password.
const MAX_TOKEN: usize = 4096;

/// The longest password that is looked at, in bytes.
pub(super) const MAX_PASSWORD: usize = 1024;

/// A user name and a password as they were sent: unproved.
pub(super) struct BasicCredentials {
    user_pass: Zeroizing<String>,
    colon: usize,
}

impl BasicCredentials {
    /// Reads what follows the scheme's name. The error is a stable code.
    pub(super) fn parse(credentials: &[u8]) -> Result<Self, &'static str> {
        let token = after_blanks(credentials).ok_or("basic.separator")?;
        if token.len() > MAX_TOKEN {
            return Err("basic.too_long");
        }
        // Strict: canonical padding, no stray bits, nothing outside of the alphabet.
        let bytes = STANDARD.decode(token).map_err(|_| "basic.base64")?;
        let user_pass = String::from_utf8(bytes).map_err(|error| {
            drop(Zeroizing::new(error.into_bytes()));
            "basic.utf8"
        })?;
        let user_pass = Zeroizing::new(user_pass);
        let colon = user_pass.find(':');
        Self::checked(user_pass, colon)
    }

    /// Takes a name and a password that came apart. The name may hold colons: then it is nobody's.
    pub(super) fn new(user: &str, password: &str) -> Result<Self, &'static str> {
        if user.len() + password.len() > MAX_TOKEN / 4 * 3 {
            return Err("basic.too_long");
        }
        // Room for all of it: growing would leave a copy behind.
        let mut user_pass = Zeroizing::new(String::with_capacity(user.len() + 1 + password.len()));
        user_pass.extend([user, ":", password]);
        Self::checked(user_pass, Some(user.len()))
    }

    /// As a header carries them.
    pub(super) fn encoded(&self) -> Zeroizing<String> {
        Zeroizing::new(STANDARD.encode(&**self.user_pass))
    }

    fn checked(user_pass: Zeroizing<String>, colon: Option<usize>) -> Result<Self, &'static str> {
        if user_pass.chars().any(char::is_control) {
            return Err("basic.control_character");
        }
        Ok(Self { user_pass, colon: colon.ok_or("basic.no_colon")? })
    }

    pub(super) fn user(&self) -> &str {
        &self.user_pass[..self.colon]
    }

    pub(super) fn password(&self) -> &str {
        &self.user_pass[self.colon + 1..]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(credentials: &[u8]) -> Result<(String, String), &'static str> {
        BasicCredentials::parse(credentials)
            .map(|sent| (sent.user().to_owned(), sent.password().to_owned()))
    }

    #[test]
    fn the_examples_of_rfc_7617_are_read() {
        let aladdin = parse(b" QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
        assert_eq!(aladdin, Ok(("Aladdin".into(), "open sesame".into())));
        assert_eq!(parse(b" dGVzdDoxMjPCow=="), Ok(("test".into(), "123£".into())));
    }

    #[test]
    fn the_first_colon_parts_and_either_part_may_be_empty() {
        let read = |text: &str| parse(format!(" {}", STANDARD.encode(text)).as_bytes());
        assert_eq!(read("a:b:c"), Ok(("a".into(), "b:c".into())));
        assert_eq!(read(":b"), Ok((String::new(), "b".into())));
        assert_eq!(read("a:"), Ok(("a".into(), String::new())));
        assert_eq!(read(":"), Ok((String::new(), String::new())));
    }

    #[test]
    fn what_breaks_the_grammar_is_malformed() {
        let encoded = |bytes: &[u8]| format!(" {}", STANDARD.encode(bytes)).into_bytes();
        for (sent, reason) in [
            (b"".to_vec(), "basic.separator"),
            (b"\tYTpi".to_vec(), "basic.separator"),
            (b",YTpi".to_vec(), "basic.separator"),
            (b" \tYTpi".to_vec(), "basic.base64"),
            (b" ".to_vec(), "basic.no_colon"),
            (b" YTpiYw".to_vec(), "basic.base64"),
            (b" YTpiYw=".to_vec(), "basic.base64"),
            (b" YTpiYx==".to_vec(), "basic.base64"),
            (b" YTpi=".to_vec(), "basic.base64"),
            (b" YTpi Yw==".to_vec(), "basic.base64"),
            (b" YTpi ".to_vec(), "basic.base64"),
            (b" YTr_".to_vec(), "basic.base64"),
            (encoded(b"nocolon"), "basic.no_colon"),
            (encoded(b"a:\0"), "basic.control_character"),
            (encoded(b"a\n:b"), "basic.control_character"),
            (encoded(b"a:\x7f"), "basic.control_character"),
            (encoded("a:\u{85}".as_bytes()), "basic.control_character"),
            (encoded(b"test:123\xa3"), "basic.utf8"),
        ] {
            assert_eq!(parse(&sent), Err(reason), "{}", String::from_utf8_lossy(&sent));
        }
    }
}

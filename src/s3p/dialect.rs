use std::cmp::Ordering;

use percent_encoding::percent_encode_byte;

/// How a client departs from the scheme's page when it signs.
///
/// The page leaves things open, and about half of the clients in the field settle them otherwise, or use what
/// their language calls percent-encoding. Each departure has a name here; a key lists the dialects that its
/// client may use ([`AccessKey::dialects`](super::AccessKey::dialects)), and nothing is guessed. Values of
/// letters, digits and `-._` are signed alike in all of them.
///
/// A dialect changes the text that is signed, and nothing of what is refused. In no dialect is accepted what
/// leaves content unsigned:
///
/// * nested JSON, for which clients sign `Array` or `[object Object]`;
/// * query values that a client cuts at `=` or `&` before it signs them;
/// * a `PUT` whose body is not signed, a `DELETE` whose query is not;
/// * a key that is sent twice and signed once; a query on a `POST`, where the one hides the other.
///
/// Nor are values that are encoded twice: no client that works sends them.
///
/// ```
/// use portcullis::s3p::{Dialect, Encoding};
///
/// const OURS: Dialect = Dialect::STRICT.encoding(Encoding::JavaUrlEncoder);
/// assert_ne!(OURS, Dialect::MAVIANCE_JAVA);
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Dialect {
    pub(super) trim: Trim,
    pub(super) encoding: Encoding,
    pub(super) order: Order,
    pub(super) values: Values,
    pub(super) timestamp: TimestampUnit,
}

impl Dialect {
    /// What the scheme's page says.
    pub const STRICT: Self = Self {
        trim: Trim::EachValue,
        encoding: Encoding::Rfc3986,
        order: Order::ByKey,
        values: Values::AsWritten,
        timestamp: TimestampUnit::Seconds,
    };

    /// The PHP client of the scheme's owner, and its copies.
    pub const MAVIANCE_PHP: Self = Self::STRICT.values(Values::Php);

    /// The JavaScript client of the scheme's owner.
    pub const MAVIANCE_NODEJS: Self = Self::STRICT
        .trim(Trim::Nothing)
        .encoding(Encoding::EncodeUriComponent)
        .values(Values::JavaScript);

    /// The Java client of the scheme's owner.
    pub const MAVIANCE_JAVA: Self =
        Self::STRICT.trim(Trim::WholeString).encoding(Encoding::JavaUrlEncoder).order(Order::ByPair);

    /// The Go client of `NdoleStudio`.
    pub const NDOLE_GO: Self = Self::STRICT.encoding(Encoding::GoQueryEscape);

    /// JavaScript clients that follow the scheme's Postman collection.
    pub const POSTMAN: Self = Self::STRICT
        .encoding(Encoding::EncodeUriComponent)
        .values(Values::JavaScript)
        .timestamp(TimestampUnit::Milliseconds);

    /// PHP clients that follow the scheme's Postman collection.
    pub const POSTMAN_PHP: Self =
        Self::STRICT.values(Values::Php).timestamp(TimestampUnit::Milliseconds);

    /// Python clients that sign the values as they are.
    pub const PYTHON: Self = Self::STRICT.trim(Trim::Nothing).values(Values::Python);

    /// The same with other blanks trimmed.
    pub const fn trim(self, trim: Trim) -> Self {
        Self { trim, ..self }
    }

    /// The same with another encoding.
    pub const fn encoding(self, encoding: Encoding) -> Self {
        Self { encoding, ..self }
    }

    /// The same in another order.
    pub const fn order(self, order: Order) -> Self {
        Self { order, ..self }
    }

    /// The same with another text for values that are no strings.
    pub const fn values(self, values: Values) -> Self {
        Self { values, ..self }
    }

    /// The same with another unit of time.
    pub const fn timestamp(self, timestamp: TimestampUnit) -> Self {
        Self { timestamp, ..self }
    }
}

/// [`Dialect::STRICT`].
impl Default for Dialect {
    fn default() -> Self {
        Self::STRICT
    }
}

/// Which blanks a client trims before it signs. What it sends keeps them all.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Trim {
    /// Blank, tab, line feed and carriage return around each value.
    EachValue,
    /// None.
    Nothing,
    /// What is not above U+0020, around the whole parameter string, and of values that are nothing else.
    WholeString,
}

/// What a client takes for percent-encoding.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Encoding {
    /// RFC 3986: all but letters, digits and `-._~`.
    Rfc3986,
    /// ECMAScript's `encodeURIComponent`: leaves `!'()*` as well.
    EncodeUriComponent,
    /// Java's `URLEncoder`, with `%20` for a blank: leaves `*`, and encodes `~`.
    JavaUrlEncoder,
    /// Go's `url.QueryEscape`: `+` for a blank.
    GoQueryEscape,
}

/// How a client sorts its parameters. The two differ where one key begins with another.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Order {
    /// By key: `a` before `a-b`.
    ByKey,
    /// By key and value, joined: `a-b=` before `a=`.
    ByPair,
}

/// The text of JSON values that are no strings. What no rule has a text for is refused; so is a number for which
/// the language prints another: PHP prints 14 digits of a float, and JavaScript has nothing but floats.
///
/// In all of them, a value and the string of the same text have one signature; so, in PHP, have `false`, `null`
/// and `""`. Two numbers have one only if they are one number, written in two ways.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Values {
    /// Numbers as they are written; `true`, `false` and `null` are refused.
    AsWritten,
    /// PHP: `true` is `1`, `false` and `null` are the empty text; `1000.0` is `1000`, `1e21` is `1.0E+21`.
    Php,
    /// JavaScript: `true`, `false`, `null`; `1000.0` is `1000`, `1e21` is `1e+21`.
    JavaScript,
    /// Python: `True`, `False`, `None`; `1000.0` is `1000.0`, `1e21` is `1e+21`.
    Python,
}

/// The unit of a client's timestamps. The scheme's is the second.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum TimestampUnit {
    /// Ten digits.
    Seconds,
    /// Thirteen digits.
    Milliseconds,
}

impl Encoding {
    /// Which bytes are left as they are.
    pub(super) const fn left(self) -> &'static [bool; 256] {
        static RFC_3986: [bool; 256] = left(b"-._~");
        static URI_COMPONENT: [bool; 256] = left(b"-._~!'()*");
        static JAVA: [bool; 256] = left(b"-._*");
        match self {
            Self::Rfc3986 | Self::GoQueryEscape => &RFC_3986,
            Self::EncodeUriComponent => &URI_COMPONENT,
            Self::JavaUrlEncoder => &JAVA,
        }
    }

    /// What stands for a byte that is not left.
    pub(super) fn escape(self, byte: u8) -> &'static [u8] {
        match (self, byte) {
            (Self::GoQueryEscape, b' ') => b"+",
            _ => percent_encode_byte(byte).as_bytes(),
        }
    }
}

/// Letters, digits and these.
const fn left(others: &[u8]) -> [bool; 256] {
    let mut left = [false; 256];
    let mut byte = 0_u8;
    while byte.is_ascii() {
        left[byte as usize] = byte.is_ascii_alphanumeric();
        byte += 1;
    }
    let mut at = 0;
    while at < others.len() {
        left[others[at] as usize] = true;
        at += 1;
    }
    left
}

/// Whether every encoding leaves a byte as it is.
pub(super) const fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_')
}

/// Whether the encodings treat a byte differently.
pub(super) const fn is_encoded_variously(byte: u8) -> bool {
    matches!(byte, b' ' | b'!' | b'\'' | b'(' | b')' | b'*' | b'~')
}

impl Order {
    /// Two different keys, neither with `=` in it.
    pub(super) fn compare(self, one: &str, other: &str) -> Ordering {
        match self {
            Self::ByKey => one.cmp(other),
            Self::ByPair => one.bytes().chain([b'=']).cmp(other.bytes().chain([b'='])),
        }
    }
}

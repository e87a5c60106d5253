/// Which `typ` a token may have (RFC 8725 section 3.11): what was made for another purpose, a proof of
/// possession or a logout, is no access token.
#[derive(Clone, Debug)]
pub(super) enum TokenTypes {
    /// None at all, `JWT`, or `at+jwt`.
    Usual,
    /// One of these, and never none.
    Only(Vec<String>),
}

impl TokenTypes {
    /// The error is a stable code.
    pub(super) fn admit(&self, typ: Option<&str>) -> Result<(), &'static str> {
        let admitted = match self {
            Self::Usual => typ.is_none_or(|typ| is_same(typ, "JWT") || is_same(typ, "at+jwt")),
            Self::Only(types) => typ.is_some_and(|typ| types.iter().any(|own| is_same(typ, own))),
        };
        if admitted { Ok(()) } else { Err("jwt.typ") }
    }
}

/// RFC 7515 section 4.1.9: media types, whose case does not count, and which begin with `application/` if
/// they hold no other slash.
fn is_same(one: &str, other: &str) -> bool {
    short(one).eq_ignore_ascii_case(short(other))
}

fn short(typ: &str) -> &str {
    match typ.split_at_checked("application/".len()) {
        Some((tree, rest)) if tree.eq_ignore_ascii_case("application/") && !rest.contains('/') => rest,
        _ => typ,
    }
}

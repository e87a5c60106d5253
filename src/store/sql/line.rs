//! A family of refresh tokens has ended if it was revoked, or one above it.

/// A family (a parameter) of this issuer and subject, and those above it, each with 1 if it was revoked. A parent
/// that is not there counts as revoked.
macro_rules! line {
    ($family:literal, $issuer:literal, $subject:literal) => {
        concat!(
            "WITH RECURSIVE line (parent, revoked) AS (\
             SELECT f.parent, CASE WHEN f.revoked IS NULL THEN 0 ELSE 1 END \
             FROM portcullis_refresh_families f \
             WHERE f.id = ",
            $family,
            " AND f.issuer = ",
            $issuer,
            " AND f.subject = ",
            $subject,
            " UNION ALL \
             SELECT f.parent, CASE WHEN f.id IS NOT NULL AND f.revoked IS NULL THEN 0 ELSE 1 END \
             FROM line LEFT JOIN portcullis_refresh_families f ON f.id = line.parent \
             WHERE line.parent IS NOT NULL)"
        )
    };
}

/// How many of the line were revoked: 0 of a good one, none of one that is not known.
macro_rules! ended {
    ($family:literal, $issuer:literal, $subject:literal) => {
        concat!(
            "(",
            $crate::store::sql::line::line!($family, $issuer, $subject),
            " SELECT sum(revoked) FROM line)"
        )
    };
}

pub(super) use {ended, line};

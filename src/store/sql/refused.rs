//! Users who are disabled, locked or expired are refused by every credential alike.

/// Whether this issuer and subject (columns, or parameters) are a user's who is refused in this second.
macro_rules! refused_user {
    ($issuer:literal, $subject:literal, $now:literal) => {
        concat!(
            "EXISTS (SELECT 1 FROM portcullis_users u WHERE u.issuer = ",
            $issuer,
            " AND u.subject = ",
            $subject,
            " AND (u.disabled <> 0 OR u.locked <> 0 OR u.expires <= ",
            $now,
            "))"
        )
    };
}

pub(super) use refused_user;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use portcullis::s3p::{SignatureMethod, Stamp, TimestampUnit};

/// The five fields of a header, each where it is first found: whether they are as they should be, the layer says.
pub(crate) struct Fields<'h> {
    pub(crate) stamp: Stamp<'h>,
    pub(crate) signature: &'h str,
}

impl<'h> Fields<'h> {
    pub(crate) fn read(header: &'h str) -> Option<Self> {
        let field = |name: &str| {
            let (_, rest) = header.split_once(&format!("{name}=\""))?;
            rest.split_once('"').map(|(value, _)| value)
        };
        let methods = [SignatureMethod::HmacSha1, SignatureMethod::HmacSha256];
        let name = field("s3pAuth_signature_method")?;
        let stamp = Stamp {
            nonce: field("s3pAuth_nonce")?,
            timestamp: field("s3pAuth_timestamp")?,
            token: field("s3pAuth_token")?,
            method: methods.into_iter().find(|method| method.as_str() == name)?,
        };
        Some(Self { stamp, signature: field("s3pAuth_signature")? })
    }

    /// By the length of the timestamp, as the layer does.
    pub(crate) fn unit(&self) -> TimestampUnit {
        match self.stamp.timestamp.len() {
            13 => TimestampUnit::Milliseconds,
            _ => TimestampUnit::Seconds,
        }
    }

    /// The moment that the request names.
    pub(crate) fn time(&self) -> Option<SystemTime> {
        let number: u64 = self.stamp.timestamp.parse().ok()?;
        let since = match self.unit() {
            TimestampUnit::Seconds => Duration::from_secs(number),
            TimestampUnit::Milliseconds => Duration::from_millis(number),
        };
        UNIX_EPOCH.checked_add(since)
    }
}

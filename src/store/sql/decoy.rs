use std::sync::{
    PoisonError, RwLock,
    atomic::{AtomicBool, Ordering},
};

use super::Sql;
use crate::basic::PasswordHash;

/// The characters of salts and outputs, in whichever base64.
macro_rules! without_base64 {
    ($text:expr) => {
        concat!(
            "rtrim(",
            $text,
            ", 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/.=')"
        )
    };
}

/// One hash of each kind and cost, of the most frequent first: what they cost stands before salt and output.
const BY_COST: &str = concat!(
    "SELECT min(password) FROM portcullis_users GROUP BY CASE WHEN password LIKE '%$2_$__$%' THEN ",
    // bcrypt has no sign between the two.
    without_base64!("password"),
    " ELSE ",
    without_base64!(concat!("rtrim(", without_base64!("password"), ", '$')")),
    " END ORDER BY count(*) DESC, 1 LIMIT 16"
);

/// A hash of the cost that most users' hashes have.
#[derive(Default)]
pub(super) struct Decoy {
    hash: RwLock<Option<PasswordHash>>,
    /// Whether there are users since it was counted, and there were none then.
    is_due: AtomicBool,
}

impl Decoy {
    pub(super) fn hash(&self) -> Option<PasswordHash> {
        self.hash.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Notes that a user was added.
    pub(super) fn note_user(&self) {
        if self.hash().is_none() {
            self.is_due.store(true, Ordering::Relaxed);
        }
    }

    /// A new one only if another cost has become the most common.
    fn choose(&self, most: Option<&PasswordHash>) {
        let mut hash = self.hash.write().unwrap_or_else(PoisonError::into_inner);
        if hash.as_ref().map(PasswordHash::cost) != most.map(PasswordHash::cost) {
            *hash = most.map(PasswordHash::decoy);
        }
    }
}

impl Sql {
    /// Counts what the users' hashes cost: a look at all of them. What cannot be counted stays as it was.
    pub(super) async fn count_costs(&self) {
        match self.fetch_all(sqlx::query_as::<_, (String,)>(BY_COST)).await {
            Ok(by_cost) => {
                // What cannot be verified costs nothing: the decoy stands in for it, too.
                let usable = by_cost.iter().find_map(|(hash,)| PasswordHash::parse(hash).ok());
                self.0.decoy.choose(usable.as_ref());
            }
            Err(error) => {
                let error: &dyn std::error::Error = &error;
                tracing::warn!(error, "what most password hashes cost could not be counted");
            }
        }
    }

    pub(super) async fn count_costs_if_due(&self) {
        if self.0.decoy.is_due.swap(false, Ordering::Relaxed) {
            self.count_costs().await;
        }
    }
}

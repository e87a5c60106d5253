use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, PoisonError, RwLock},
};

use crate::{
    NowOrLater, StoreError,
    user_token::{TokenDigest, UserTokenRecord, UserTokenStore},
};

/// User tokens in memory. A clone is the same store; what is changed takes effect on the next request.
#[derive(Clone, Default)]
pub struct MemoryUserTokenStore(Arc<RwLock<HashMap<TokenDigest, UserTokenRecord>>>);

impl MemoryUserTokenStore {
    /// A store without tokens.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the token of this digest, or replaces it.
    pub fn insert(&self, digest: TokenDigest, record: UserTokenRecord) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).insert(digest, record);
    }

    /// Revokes the token of this digest; whether there was one.
    pub fn remove(&self, digest: &TokenDigest) -> bool {
        self.0.write().unwrap_or_else(PoisonError::into_inner).remove(digest).is_some()
    }
}

impl UserTokenStore for MemoryUserTokenStore {
    fn user_token(
        &self,
        digest: &TokenDigest,
    ) -> NowOrLater<Result<Option<UserTokenRecord>, StoreError>> {
        let tokens = self.0.read().unwrap_or_else(PoisonError::into_inner);
        NowOrLater::now(Ok(tokens.get(digest).cloned()))
    }
}

impl fmt::Debug for MemoryUserTokenStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryUserTokenStore").finish_non_exhaustive()
    }
}

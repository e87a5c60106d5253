use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, PoisonError, RwLock},
};

use crate::{
    NowOrLater, StoreError,
    s3p::{AccessKey, AccessKeyStore},
};

/// Access keys in memory. A clone is the same store; what is changed takes effect on the next
/// request.
#[derive(Clone, Default)]
pub struct MemoryAccessKeyStore(Arc<RwLock<HashMap<String, AccessKey>>>);

impl MemoryAccessKeyStore {
    /// A store without keys.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the key of an access token, or replaces it.
    pub fn insert(&self, token: impl Into<String>, key: AccessKey) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).insert(token.into(), key);
    }

    /// Takes out the key of an access token; whether there was one.
    pub fn remove(&self, token: &str) -> bool {
        self.0.write().unwrap_or_else(PoisonError::into_inner).remove(token).is_some()
    }
}

impl AccessKeyStore for MemoryAccessKeyStore {
    fn access_key(&self, token: &str) -> NowOrLater<Result<Option<AccessKey>, StoreError>> {
        let keys = self.0.read().unwrap_or_else(PoisonError::into_inner);
        NowOrLater::now(Ok(keys.get(token).cloned()))
    }
}

impl fmt::Debug for MemoryAccessKeyStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryAccessKeyStore").finish_non_exhaustive()
    }
}

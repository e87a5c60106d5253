use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use crate::{
    ConfigError, NowOrLater, StoreError,
    basic::{PasswordHash, User, UserStore, htpasswd},
};

/// Users in memory. A clone is the same store; what is changed takes effect on the next request.
#[derive(Clone, Default)]
pub struct MemoryUserStore(Arc<RwLock<Users>>);

#[derive(Default)]
struct Users {
    by_name: HashMap<String, User>,
    /// Of the cost that most users' hashes have.
    decoy: Option<PasswordHash>,
}

impl MemoryUserStore {
    /// A store without users.
    pub fn new() -> Self {
        Self::default()
    }

    /// The users of an htpasswd-style text: lines of `name:$argon2id$…`. Empty lines, and lines that
    /// begin with `#`, are passed over.
    ///
    /// # Errors
    ///
    /// With the number of the line that is not of this form, has a hash of another kind, or repeats
    /// a name.
    pub fn from_htpasswd(text: &str) -> Result<Self, ConfigError> {
        let users = Users {
            by_name: htpasswd::parse(text)?
                .into_iter()
                .map(|user| (user.name().to_owned(), user))
                .collect(),
            decoy: None,
        };
        let store = Self(Arc::new(RwLock::new(users)));
        store.write().choose_decoy();
        Ok(store)
    }

    /// Adds a user, or replaces the one of the same name.
    pub fn insert(&self, user: User) {
        let mut users = self.write();
        users.by_name.insert(user.name().to_owned(), user);
        users.choose_decoy();
    }

    /// Takes a user out; whether there was one.
    pub fn remove(&self, name: &str) -> bool {
        let mut users = self.write();
        let removed = users.by_name.remove(name).is_some();
        users.choose_decoy();
        removed
    }

    fn read(&self) -> RwLockReadGuard<'_, Users> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Users> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Users {
    fn choose_decoy(&mut self) {
        let mut costs: HashMap<&str, (usize, &PasswordHash)> = HashMap::new();
        for hash in self.by_name.values().map(User::password) {
            costs.entry(hash.cost()).or_insert((0, hash)).0 += 1;
        }
        let most = costs.into_values().max_by_key(|(count, _)| *count);
        self.decoy = most.map(|(_, hash)| hash.decoy());
    }
}

impl UserStore for MemoryUserStore {
    fn user(&self, name: &str) -> NowOrLater<Result<Option<User>, StoreError>> {
        NowOrLater::now(Ok(self.read().by_name.get(name).cloned()))
    }

    fn decoy(&self) -> Option<PasswordHash> {
        self.read().decoy.clone()
    }
}

impl fmt::Debug for MemoryUserStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryUserStore").field("users", &self.read().by_name.len()).finish()
    }
}

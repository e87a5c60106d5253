use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    sync::{
        Arc, PoisonError, RwLock, RwLockReadGuard,
        atomic::{AtomicU64, Ordering},
    },
};

use crate::{
    ConfigError, NowOrLater, StoreError,
    basic::{PasswordHash, User, UserStore, htpasswd},
};

/// Users in memory. A clone is the same store; what is changed takes effect on the next request.
#[derive(Clone, Default)]
pub struct MemoryUserStore(Arc<Shared>);

#[derive(Default)]
struct Shared {
    users: RwLock<Users>,
    /// How often something was changed.
    version: AtomicU64,
}

#[derive(Default)]
struct Users {
    by_name: HashMap<String, User>,
    /// How many users' hashes have each cost.
    costs: BTreeMap<String, usize>,
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
        let mut users = Users::default();
        htpasswd::parse(text)?.into_iter().for_each(|user| users.insert(user));
        Ok(Self(Arc::new(Shared { users: RwLock::new(users), version: AtomicU64::default() })))
    }

    /// Adds a user, or replaces the one of the same name.
    pub fn insert(&self, user: User) {
        self.change(|users| users.insert(user));
    }

    /// Takes a user out; whether there was one.
    pub fn remove(&self, name: &str) -> bool {
        self.change(|users| users.remove(name))
    }

    fn read(&self) -> RwLockReadGuard<'_, Users> {
        self.0.users.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn change<T>(&self, change: impl FnOnce(&mut Users) -> T) -> T {
        let mut users = self.0.users.write().unwrap_or_else(PoisonError::into_inner);
        let done = change(&mut users);
        // Before the lock is given up: who sees the old number has not been told of the change.
        self.0.version.fetch_add(1, Ordering::Release);
        done
    }
}

impl Users {
    fn insert(&mut self, user: User) {
        *self.costs.entry(user.password().cost().to_owned()).or_default() += 1;
        if let Some(former) = self.by_name.insert(user.name().to_owned(), user) {
            self.forget_cost(&former);
        }
        self.choose_decoy();
    }

    fn remove(&mut self, name: &str) -> bool {
        let removed = self.by_name.remove(name);
        if let Some(user) = &removed {
            self.forget_cost(user);
            self.choose_decoy();
        }
        removed.is_some()
    }

    fn forget_cost(&mut self, user: &User) {
        let cost = user.password().cost();
        if let Some(count) = self.costs.get_mut(cost) {
            *count -= 1;
            if *count == 0 {
                self.costs.remove(cost);
            }
        }
    }

    /// A new one only if another cost has become the most common.
    fn choose_decoy(&mut self) {
        let most = self.costs.iter().max_by_key(|(_, count)| **count).map(|(cost, _)| cost);
        if most.map(String::as_str) != self.decoy.as_ref().map(PasswordHash::cost) {
            let of_cost = |user: &&User| Some(user.password().cost()) == most.map(String::as_str);
            self.decoy = self.by_name.values().find(of_cost).map(|user| user.password().decoy());
        }
    }
}

impl UserStore for MemoryUserStore {
    fn user(&self, name: &str) -> NowOrLater<Result<Option<User>, StoreError>> {
        NowOrLater::now(Ok(self.read().by_name.get(name).cloned()))
    }

    fn version(&self) -> Option<u64> {
        Some(self.0.version.load(Ordering::Acquire))
    }

    fn decoy(&self) -> Option<PasswordHash> {
        self.read().decoy.clone()
    }

    fn rehashed(
        &self,
        name: &str,
        old: &PasswordHash,
        new: &PasswordHash,
    ) -> NowOrLater<Result<(), StoreError>> {
        self.change(|users| {
            let user = users.by_name.get(name).filter(|user| user.password() == old);
            if let Some(user) = user.map(|user| user.clone().with_password(new.clone())) {
                users.insert(user);
            }
        });
        NowOrLater::now(Ok(()))
    }
}

impl fmt::Debug for MemoryUserStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryUserStore").field("users", &self.read().by_name.len()).finish()
    }
}

use std::{
    collections::BTreeSet,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use super::{CALLERS, answer, at_once, must_fail, texts};
use crate::{
    Identity, ScopeSet,
    basic::{PasswordHash, User, UserStore},
};

/// A user that a store is to hold.
#[derive(Clone, Debug)]
pub struct UserSeed {
    /// The login name.
    pub name: String,
    /// The hash of the password.
    pub password: PasswordHash,
    /// Who it is.
    pub identity: Identity,
    /// What the user may do.
    pub scopes: ScopeSet,
    /// Whether the user is refused.
    pub disabled: bool,
    /// Whether the user is refused until unlocked.
    pub locked: bool,
    /// From when on the user is refused, in whole seconds.
    pub expires: Option<SystemTime>,
}

/// What every [`UserStore`] must do. The function makes a store that holds these users.
///
/// # Panics
///
/// When the store breaks a rule.
pub async fn users<S: UserStore>(new_store: impl AsyncFn(Vec<UserSeed>) -> S) {
    let names = names();
    let seeds: Vec<_> = names.iter().enumerate().map(|(at, name)| seed(at, name)).collect();
    for part in 0..2 {
        // Each name has neighbours that are nobody's.
        let (known, unknown): (Vec<_>, Vec<_>) =
            seeds.iter().cloned().enumerate().partition(|(at, _)| at % 2 == part);
        let store = new_store(known.iter().map(|(_, seed)| seed.clone()).collect()).await;
        for (_, seed) in known {
            let found = answer(store.user(&seed.name)).await;
            let name = &seed.name;
            is_the_same(&found.unwrap_or_else(|| panic!("a user is found by name: {name:?}")), &seed);
        }
        let unsendable = ["", "a:b", "a\0", "\0", "a\nb"].map(str::to_owned);
        for name in unknown.into_iter().map(|(_, seed)| seed.name).chain(unsendable) {
            let found = answer(store.user(&name)).await;
            assert!(found.is_none(), "names are compared byte for byte: {name:?} is nobody's");
        }
    }
    decoy(new_store).await;
}

/// Whether a name that does not exist takes as long as one that does: it is told by time otherwise.
async fn decoy<S: UserStore>(new_store: impl AsyncFn(Vec<UserSeed>) -> S) {
    let users = |hashes: [PasswordHash; 5]| {
        let seeds = hashes.into_iter().enumerate();
        seeds.map(|(at, password)| UserSeed { password, ..seed(at, &format!("user {at}")) }).collect()
    };
    let parse = |text: &str| PasswordHash::parse(text).expect("it is a hash");
    let dear = |at| {
        let output = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
        parse(&format!("$argon2id$v=19$m=16,t=2,p=1$c2FsdHNhbHQ{at:05}${output}"))
    };
    let mut mixtures: Vec<[PasswordHash; 5]> = vec![
        [hash(0), dear(1), hash(2), dear(3), hash(4)],
        [hash(0), dear(1), hash(2), dear(3), dear(4)],
    ];
    if cfg!(feature = "bcrypt") {
        let bcrypt = |cost, at| {
            let output = "u/LVz6MZlItEy42I2juLihZ66HnQx/cy";
            parse(&format!("$2b${cost:02}$abcdefghijklmnop{at:05}{output}"))
        };
        mixtures.push([bcrypt(5, 0), bcrypt(4, 1), bcrypt(4, 2), bcrypt(5, 3), bcrypt(4, 4)]);
        mixtures.push([hash(0), hash(1), bcrypt(4, 2), bcrypt(4, 3), bcrypt(4, 4)]);
    }
    if cfg!(feature = "pbkdf2") {
        let pbkdf2 = |rounds, at| {
            let output = "KZFTzIznaRX922YTLtoVDNDuIabKoY8qtg8GN6CDHNU";
            parse(&format!("$pbkdf2-sha256$i={rounds},l=32$c2FsdHNhbHQ{at:05}${output}"))
        };
        mixtures.push([pbkdf2(20, 0), pbkdf2(1, 1), pbkdf2(20, 2), pbkdf2(1, 3), pbkdf2(20, 4)]);
    }
    for mixture in mixtures {
        let most = mixture[4].clone();
        let texts = mixture.each_ref().map(|hash| hash.as_str().to_owned());
        let store = new_store(users(mixture)).await;
        answer(store.user("nobody")).await;
        let decoy =
            store.decoy().expect("a store whose hashes cost otherwise than new ones has a decoy");
        assert_eq!(decoy.cost(), most.cost(), "the decoy costs what most of the stored hashes cost");
        assert!(!texts.contains(&decoy.as_str().to_owned()), "the decoy is nobody's hash");
    }
}

/// What a [`UserStore`] must do that replaces outdated hashes ([`UserStore::rehashed`]). The function makes a store
/// that holds these users.
///
/// # Panics
///
/// When the store breaks a rule.
pub async fn rehashed_users<S: UserStore>(new_store: impl AsyncFn(Vec<UserSeed>) -> S) {
    let seeds: Vec<_> = names().iter().enumerate().map(|(at, name)| seed(at, name)).collect();
    let store = new_store(seeds.clone()).await;
    let new = hash(90_000);
    for (at, seed) in seeds.iter().enumerate() {
        let name = &seed.name;
        answer(store.rehashed(name, &hash(90_001), &new)).await;
        let found = answer(store.user(name)).await.expect("the user is still there");
        is_the_same(&found, seed);
        if at % 2 == 0 {
            answer(store.rehashed(name, &seed.password, &new)).await;
        }
    }
    for (at, seed) in seeds.into_iter().enumerate() {
        let found = answer(store.user(&seed.name)).await.expect("the user is still there");
        // Its neighbours keep theirs.
        let password = if at % 2 == 0 { new.clone() } else { seed.password.clone() };
        is_the_same(&found, &UserSeed { password, ..seed });
    }
    answer(store.rehashed("nobody", &hash(0), &new)).await;
    assert!(answer(store.user("nobody")).await.is_none(), "a new hash makes no user");
    one_of_many(new_store(vec![seed(0, "alice")]).await).await;
}

/// Each has verified the password against the old hash.
async fn one_of_many(store: impl UserStore) {
    let store = Arc::new(store);
    let found = at_once(|caller| {
        let store = store.clone();
        async move {
            answer(store.rehashed("alice", &hash(0), &hash(caller + 1))).await;
            answer(store.user("alice")).await.expect("the user is still there")
        }
    });
    let found = found.await;
    let first = found[0].password().as_str();
    assert_ne!(first, hash(0).as_str(), "the old hash is replaced");
    for user in &found {
        assert_eq!(user.password().as_str(), first, "of {CALLERS} who replace one hash, one does");
    }
}

/// What a [`UserStore`] must do that is down.
///
/// # Panics
///
/// When the store breaks a rule.
pub async fn broken_users(store: &impl UserStore) {
    must_fail(store.user("alice")).await;
}

/// Those that HTTP Basic can carry.
fn names() -> BTreeSet<String> {
    let can_be_sent = |name: &String| User::new(&**name, hash(0)).is_ok();
    texts().into_iter().filter(can_be_sent).collect()
}

fn seed(at: usize, name: &str) -> UserSeed {
    let scopes = ["", "read", "messages:send read"][at % 3];
    UserSeed {
        name: name.to_owned(),
        password: hash(at),
        identity: Identity::new(format!("issuer {}", at % 2), format!("subject {at}"))
            .expect("the texts are not empty"),
        scopes: ScopeSet::parse(scopes).expect("they are scopes"),
        disabled: at % 5 == 1,
        locked: at % 5 == 2,
        expires: (at % 5 == 3).then(|| UNIX_EPOCH + Duration::from_secs(1_361_281_946)),
    }
}

/// One that nobody's password has, and no other user.
pub(super) fn hash(at: usize) -> PasswordHash {
    let text = format!(
        "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ{at:05}$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
    );
    PasswordHash::parse(&text).expect("it is a hash")
}

fn is_the_same(user: &User, seed: &UserSeed) {
    let name = &seed.name;
    assert_eq!(user.name(), name, "the user's name");
    assert_eq!(user.password().as_str(), seed.password.as_str(), "the hash of {name:?}");
    assert_eq!(user.is_disabled(), seed.disabled, "whether {name:?} is disabled");
    assert_eq!(user.is_locked(), seed.locked, "whether {name:?} is locked");
    assert_eq!(user.expiry(), seed.expires, "when {name:?} expires");
    let principal = user.to_principal();
    let who = (principal.identity(), principal.scopes());
    assert_eq!(who, (&seed.identity, &seed.scopes), "who {name:?} is");
}

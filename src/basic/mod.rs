//! HTTP Basic (RFC 7617) against a user store.
//!
//! The rules, in the order in which they are applied:
//!
//! 1. The credentials are one token68 of strict base64 (RFC 4648 section 4: padded, canonical, up to 4,096
//!    bytes, one or more blanks before it), UTF-8, with a colon and without control characters. Anything
//!    else: 401 *malformed*; no user is looked up.
//! 2. The user name ends at the first colon; it may be empty, and the password may hold more colons.
//!    Names and passwords are compared byte for byte as received: no Unicode normalization.
//! 3. With a [`CredentialCache`]: if these credentials were verified a short while ago, for the same source, and fewer
//!    than 20 other passwords were tried since then, the user is looked up, unless the store says by its
//!    [version](UserStore::version) that nothing has changed. If the stored hash is still the one that was verified, and
//!    the user is let in as rule 7 says, the request passes without a hash. Anything else goes on with the next rule.
//!    A store that cannot answer: 503.
//! 4. With a [`Throttle`]: an attempt that has to wait is answered 429 with `Retry-After`. No user is looked up, and
//!    nothing is hashed.
//! 5. The user is looked up. A store that cannot answer: 503.
//! 6. Exactly one password hash is verified, off the reactor, in every outcome from here on: the user's, or a decoy
//!    of the same cost if there is no such user, the password is longer than 1,024 bytes, or the stored hash
//!    cannot be verified ([`PasswordHash::parse_or_unusable`]).
//!    There is a limit to how many run and how many wait ([`HashingPool`]); beyond it: 503.
//! 7. Only then: a wrong password, an empty or overlong one, an unknown user, one who is disabled, locked or expired
//!    are all *refused* with one and the same 401.
//! 8. The throttle is told. What ended in a 503 is not counted.
//!
//! ```
//! use portcullis::{
//!     BasicAuthLayer, Scope,
//!     basic::{BasicAuth, MemoryUserStore, PasswordHash, User},
//! };
//!
//! let users = MemoryUserStore::new();
//! users.insert(
//!     User::new("alice@example.org", PasswordHash::of("correct horse battery staple")?)?
//!         .scopes([Scope::from_static("messages:send")]),
//! );
//! let layer = BasicAuthLayer::new(BasicAuth::new("vault", users)?);
//! # Ok::<_, portcullis::ConfigError>(())
//! ```
//!
//! Users from an htpasswd-style file, and a pool of one's own:
//!
//! ```
//! use portcullis::basic::{BasicAuth, HashingPool, MemoryUserStore};
//! use std::time::Duration;
//!
//! # let text = "alice:$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0$DRX/xNErmLZiZ/dUgsK9CGJ2QSlhEtLZSCSZHDuylhM";
//! // The file's lines are `name:$argon2id$…`; empty lines and lines with `#` are passed over.
//! let users = MemoryUserStore::from_htpasswd(text)?;
//! let pool = HashingPool::new(2).queue(64).wait_limit(Duration::from_millis(500));
//! let basic = BasicAuth::new("vault", users)?.hashing_pool(pool);
//! # Ok::<_, portcullis::ConfigError>(())
//! ```
//!
//! All together:
//!
//! ```
//! use portcullis::{
//!     PeerAddr,
//!     basic::{BasicAuth, CredentialCache, MemoryUserStore, Source, Throttle},
//! };
//!
//! // The server puts a `PeerAddr` into the extensions of each request.
//! let basic = BasicAuth::new("vault", MemoryUserStore::new())?
//!     .throttle(Throttle::in_memory().sources(|head| PeerAddr::of(head).map(Source::ip)))
//!     .cache(CredentialCache::new(10_000))
//!     .rehash_outdated();
//! # Ok::<_, portcullis::ConfigError>(())
//! ```
//!
//! A page where people sign in asks the same authenticator, by [`BasicAuth::verify`]; a new password is hashed by
//! [`HashingPool::hash`].
//!
//! # Guessing
//!
//! A [`Throttle`] counts an attempt before its password is looked at, and takes it back after a success: a thousand
//! at the same moment are a thousand. It counts under up to three keys, each with a limit of its own
//! ([`AttemptLimit`]: so many free attempts, then waits that double up to the longest):
//!
//! 1. *The account from this source.* A success clears it, and makes the source known for the account: until 30 days
//!    (`forget_after`) have gone by without an attempt, the other two do not hold it up. So whoever guesses from
//!    elsewhere does not lock the owner out of where he signs in. What is known is the pair: it helps with no other
//!    account, and from no other source.
//! 2. *The source*, for all accounts that do not know it: against one password tried on many accounts.
//! 3. *The account*, from all sources that it does not know: against many sources that guess together. Without
//!    [`sources`](Throttle::sources) it is the only key, and a success clears it: then whoever keeps guessing keeps
//!    the owner waiting, too, and the owner's successes give the guesses back.
//!
//! A wait ends by itself: nobody is locked out for good. While the guessing goes on, though, an owner who comes from
//! where he is not known has to be quicker than those who guess. With the limits that it comes with, fewer than 100
//! guesses in a row at an account are looked at in a day, from all sources together that it does not know, and from
//! each that it knows (NIST SP 800-63B asks for no more than 100 failures in a row). Whoever wants an account closed
//! after so many marks its user as [`locked`](User::locked), in the store.
//!
//! A name that does not exist is counted like one that does, and all spellings that a store takes for one name are
//! counted as one, if it says so ([`UserStore::normalized`]). What a [`CredentialCache`] answers is not counted; a
//! guess at what it holds is, and 20 of them make it forget. Many requests at once with the right password, none of them
//! cached yet, are attempts until the first of them succeeds: the free attempts are for them.
//!
//! While the store of a throttle cannot answer, each node counts in its own memory.
//!
//! # Caveats
//!
//! The scheme repeats the password in clear with every request (RFC 7617 section 4): serve it over TLS
//! only, see [`require_https`](BasicAuthLayer::require_https). Hashing on every request costs some 20
//! milliseconds of a core; let callers trade the password for a token, or keep a [`CredentialCache`]. Where stored
//! hashes differ in cost, the decoy costs what most of them cost: a user of another cost can be told from one that
//! does not exist. [`rehash_outdated`](BasicAuth::rehash_outdated) makes them alike in time.
//!
//! Without Unicode normalization, "é" as one character and "é" as an "e" with an accent are two. Names are
//! what the store makes of them: one that normalizes them (RFC 8265) when it stores a user does so in
//! [`UserStore::user`] and [`UserStore::normalized`] too. A password is verified as it was received.
//!
//! bcrypt looks at 72 bytes: a password that is longer never matches such a hash.
//!
//! It needs a tokio runtime with its timer enabled.

mod authenticator;
mod cache;
mod credentials;
mod hash;
pub(crate) mod htpasswd;
mod layer;
mod pool;
mod sign_in;
mod throttle;
mod user;

pub use self::{
    authenticator::BasicAuth,
    cache::CredentialCache,
    hash::{Argon2id, PasswordHash, PasswordVerifier, StoredHashes},
    layer::BasicAuthLayer,
    pool::HashingPool,
    throttle::{Admission, AttemptKey, AttemptLimit, AttemptStore, Source, Throttle},
    user::{User, UserStore},
};
pub use crate::store::{MemoryAttemptStore, MemoryUserStore};

//! What a layer costs, beside other crates and beside what it cannot be done without.
//!
//! How to read it: a layer's cost is what it adds to the bare service, measured in turns with it, in one process and on
//! the same requests. A goal is what must be, and in parentheses what is wanted; a verdict is one of the two, or
//! *missed*. Shared machines are noisy, so that ratios are worth more than times. `benches/run` measures all of it
//! again and writes this table; `benches/instructions` counts instructions; allocations are counted by a test, which
//! fails if there is one more.
//!
//! What is compared is the same work: peers check issuer, audience, expiry and scope, as ours does. A token from the
//! cache is asked about its expiry, its keys and its revocation on each request, and a known password about the state
//! of its account and its stored hash. Caches are bounded, and what strangers make up does not get into them.
//!
#![doc = include_str!("../benches/RESULTS.md")]
//!
//! # Why goals are missed
//!
//! * *A layer that says yes.* A request is moved into a layer and its response out of it, some 200 bytes each; a layer
//!   that does nothing at all, written with tower, costs most of that. What comes on top is a policy behind a pointer,
//!   so that policies can be kept in a list and made at run time, and a future with three states.
//! * *A cached token.* Much of it is the insertion of the principal into the request's extensions, an allocation of a hash
//!   map where there was none; behind a router, which has made one, it is less. The rest is the token's fingerprint (all
//!   of its bytes are read), one look-up, and the header. Of many tokens at random, the look-up is from memory, and
//!   not from the processor's cache.
//! * *No cache.* SHA-256 over the token is the greatest part of HS256, and base64, JSON, the claims and the principal are
//!   the rest. RS256, ES256 and EdDSA cost what the bare verification does, and about a microsecond more.
//! * *Refusals.* A refusal has a challenge, and carries its reason for the operator to the outermost layer: five
//!   allocations, of which `http`'s header map and extensions make four. That is the cost of a missing header, and most
//!   of that of an expired token.
//! * *S3P.* The scheme has parameters sorted, percent-encoded twice, and hashed. What signing does for a request that it
//!   has in its hands, verifying does for one that it has to take apart first, and then it looks for the key and records
//!   the nonce.
//! * *Known passwords.* They are kept under a SHA-256 with a secret, so that no password is to be found in memory. Whoever
//!   compares with a password in a map, in clear, is faster.
//! * *Nonces.* One access to memory that is in no cache is most of the time, for any table of a million. A general
//!   map makes the same access, and leaves out what a nonce store is for: a share for each token, and when each ends.
//! * *Ownership.* A `Path<String>` is decoded; a resource is decoded, normalised, checked for what axum may have taken
//!   away, and its owner looked up and compared.
//! * *The whole stack, and a real server.* They are the sum of these. Of the server's part, a layer that does nothing has a
//!   share of its own, which the figures name.

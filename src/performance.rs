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
//! The rows have what was measured, and among their figures the floor, where one can be had by itself: a bare
//! verification, a layer that does nothing, a peer that does less. Below is what has been tried, and what stands in
//! the way. *Before* is the first table, of November 22, before anything was tried: of another machine (Intel Xeon),
//! so that its ratios may be compared, each of one run, and its times not. Instructions and allocations are those
//! that were recorded before and after.
//!
//! Rows that say *recorded* were not measured by `benches/run`. It copies instructions from
//! `benches/instructions.txt`, which `benches/instructions record` writes, and allocations from
//! `benches/allocations.txt`, which the test of allocations does.
//!
//! * *A layer that says yes, and four of them.* The floor is a layer that only hands on, as tower-http's in the row
//!   are. Tried: what a policy leaves nothing with goes on at once (instructions of one: 440 before, 403 after; of
//!   four: 1,701 and 1,406; the ratio before: 5.07). In the way: a request is moved into a layer and its response out
//!   of it, some 200 bytes each, so that each of four layers costs as much as the first; a layer that does nothing at
//!   all, written with tower, costs most of that. What comes on top is a policy behind a pointer, so that policies
//!   can be kept in a list and made at run time, and a future with three states.
//! * *A cached token.* No floor is measured. Tried: a token is looked up by a fingerprint, before anything of it is
//!   read, and no longer kept and compared whole; revocations in memory are not asked for again while they say that
//!   nothing has changed (9,132 instructions before, 2,832 after; 7 allocations and 3; the ratios before: HS256 3.7
//!   and 7.34, RS256 25.8, ES256 95.7, EdDSA 60.6, and 0.9 with 100,000 tokens at random). In the way: much of it is
//!   the insertion of the principal into the request's extensions, an allocation of a hash map where there was none;
//!   behind a router, which has made one, it is less. The rest is the fingerprint (all of the token's bytes are
//!   read), one look-up, and the header. Of many tokens at random, the look-up is from memory, and not from the
//!   processor's cache.
//! * *No cache, HS256.* The floor of the other algorithms is the bare verification, in their rows; for HS256 none is
//!   measured. Tried: claims that are plain are read in one pass, by hand; all texts of a principal are parts of one
//!   copy; base64url is decoded by vectors; HMAC uses the processor's SHA instructions (46,086 instructions before,
//!   32,945 after, where valgrind counts SHA-256 in its software form; 22 allocations and 5; the ratio before: 0.92).
//!   In the way: SHA-256 over the token is the greatest part, and base64, JSON, the claims and the principal are the
//!   rest. RS256, ES256 and EdDSA cost what the bare verification does, and about a microsecond more.
//! * *Refusals.* No floor is measured but the best peer's refusal, in the row. Tried: challenges are shared, and not
//!   copied for each refusal (expired: 13 allocations before, 6 after; no credentials: 6 and 5; the ratios before:
//!   HS256 1.16, RS256 9.8, ES256 30.2, no credentials 0.55). In the way: a refusal has a challenge, and carries its
//!   reason for the operator to the outermost layer: five allocations, of which `http`'s header map and extensions
//!   make four. That is the cost of a missing header, and most of that of an expired token.
//! * *S3P.* The floor was counted in nanoseconds on the machine of the table: the bare HMAC 268 (six blocks of SHA-1,
//!   40 each), 100 for a layer that says yes and leaves a principal, 30 for the key, 27 for the time, 40 for a nonce
//!   in a table without a lock. Of 1.5 times oauth1-request that leaves 110 for reading 280 bytes of header and
//!   writing 270 of base string, which take 390: the signature's base64 50, the rest of the header 100, the query 55,
//!   the text 155. Tried: the header is read in one pass and not copied, parameters stand in a small array, the base
//!   string is written into a buffer on the stack, and a key holds a principal that is ready; an HMAC over its
//!   blocks, without `Hmac`'s buffer, saved little and was left (29,317 instructions before, 17,129 after; 12
//!   allocations and 3, all in the extensions; the ratios before: 0.52 and 6.6). In the way: the scheme has
//!   parameters sorted, percent-encoded twice, and hashed. What signing does for a request that it has in its hands,
//!   verifying does for one that it has to take apart first, and then it looks for the key and records the nonce.
//! * *Known passwords.* The floor is the closure in the row. Tried: credentials are looked up as they were sent, and
//!   a store that says that nothing has changed is not asked for the user (5 allocations before, 3 after; the ratio
//!   before: 0.33). In the way: they are kept under a SHA-256 with a secret, so that no password is to be found in
//!   memory. Whoever compares with a password in a map, in clear, is faster.
//! * *Nonces.* The floor is dashmap's insertion, in the row. Tried: slots of 16 bytes in many small tables, each with
//!   a lock of its own, instead of general maps, and shares of tokens in tables of the same kind (the ratio before:
//!   0.21; 38.6 bytes for each; and a wait of 88 ms when 10⁶ expire). In the way: one access to memory that is in no
//!   cache is most of the time, for any table of a million. A general map makes the same access, and leaves out what
//!   a nonce store is for: a share for each token, and when each ends.
//! * *Nonces, two threads.* The floor is 1: neither slows the other. Before, it was 2.75. Tried: the tables, which
//!   two threads seldom want at the same time. In the way: the figure is of the machine as much as of the store. Of
//!   the same store it was 1.07, 1.17, 1.27, 1.47 and 1.91 in five runs, on machines that others use, too.
//! * *Ownership.* The floor is the insertion, and the extraction that the row compares with. Tried: an id that needs
//!   no decoding is a part of the request's path, an owner is a pointer, and one path needs no router (1 allocation
//!   besides the insertion before, none after; the ratio before: 3.91). In the way: a `Path<String>` is decoded; a
//!   resource is decoded, normalised, checked for what axum may have taken away, and its owner looked up and
//!   compared.
//! * *The whole stack, and a real server.* The floor of the server is in its row: a layer that does nothing. Tried:
//!   all of the above (12,278 instructions before, 5,256 after; 9 allocations and 4; before, 41.2 % over bare, and
//!   1.54, 3.14 and 5.04 times the requests). In the way: they are the sum of these. Requests in a second are of the
//!   whole server, and the less of its time is a layer's, the less they differ; the row has the CPU of a request,
//!   bare and with each.

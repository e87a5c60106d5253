//! Nonces in memory, as far as one lock goes.

use std::{mem, num::NonZeroU64};

use crate::s3p::Recorded;

/// Nonces, told apart by a hash, and how many of them each token has.
///
/// Both are hash tables with open addressing. What has expired stays where it is until something new takes its place, or
/// all is put in order: when one is full, or when there may be room to be found. Each nonce pays for that once.
pub(super) struct NonceTable {
    slots: Vec<Slot>,
    /// How many slots are taken.
    taken: usize,
    shares: Vec<Share>,
    /// How many shares are some token's.
    tokens: usize,
    limits: Limits,
    /// The second from which moments are counted.
    epoch: Option<i64>,
    /// All that expires by this second is treated as if it had been seen.
    seen_through: i64,
    /// Nothing expires before.
    next_expiry: Moment,
}

/// How many live nonces there may be, in all and of one token.
#[derive(Clone, Copy)]
pub(super) struct Limits {
    pub(super) in_all: usize,
    pub(super) of_token: usize,
}

/// Seconds since the epoch of the table, which is 68 years before its first nonce; 32 bits of them fit a slot.
type Moment = u32;

#[derive(Clone, Copy)]
struct Slot {
    hash: u64,
    /// The last moment in which the nonce counts; [`FREE`] if there is none.
    expires: Moment,
    /// Where the share of its token is.
    token: u32,
}

/// How many slots a token has.
#[derive(Clone, Copy)]
struct Share {
    token: Option<TokenHash>,
    slots: u32,
}

/// A hash tells tokens apart.
pub(super) type TokenHash = NonZeroU64;

const FREE: Moment = 0;
const EMPTY: Slot = Slot { hash: 0, expires: FREE, token: 0 };
const NOBODYS: Share = Share { token: None, slots: 0 };

impl NonceTable {
    pub(super) fn new(limits: Limits, seen_through: i64) -> Self {
        Self {
            slots: Vec::new(),
            taken: 0,
            shares: Vec::new(),
            tokens: 0,
            limits,
            epoch: None,
            seen_through,
            next_expiry: Moment::MAX,
        }
    }

    pub(super) fn record(&mut self, hash: u64, token: TokenHash, expires: i64, now: i64) -> Recorded {
        // What is too late could be what was seen and has expired.
        let is_forgotten = expires < now || expires <= self.seen_through;
        let epoch = *self.epoch.get_or_insert(now.saturating_sub(1 << 31));
        let (now, expires) = (moment(epoch, now), moment(epoch, expires));
        if is_forgotten || self.is_live(hash, now) {
            return Recorded::Replayed;
        }
        if self.slots_of(token) >= self.limits.of_token {
            self.look_for_room(now);
            if self.slots_of(token) >= self.limits.of_token {
                return Recorded::TokenFull;
            }
        }
        if self.taken >= self.limits.in_all {
            self.look_for_room(now);
            if self.taken >= self.limits.in_all {
                return Recorded::StoreFull;
            }
        }
        if is_full(self.taken, self.slots.len()) || is_full(self.tokens, self.shares.len()) {
            self.put_in_order(now);
        }
        self.insert(hash, token, expires, now);
        Recorded::Fresh
    }

    fn note_dropped(&mut self, expires: Moment) {
        let since = self.epoch.unwrap_or_default();
        self.seen_through = self.seen_through.max(since.saturating_add(i64::from(expires)));
    }

    fn is_live(&self, hash: u64, now: Moment) -> bool {
        let slots = places(hash, self.slots.len()).map(|at| self.slots[at]);
        let mut taken = slots.take_while(|slot| slot.expires != FREE);
        taken.any(|slot| slot.hash == hash && slot.expires >= now)
    }

    /// Where the share of a token is, or would be; nowhere if there are no shares yet.
    fn share(&self, token: TokenHash) -> Option<usize> {
        let is_for_it = |at: &usize| self.shares[*at].token.is_none_or(|other| other == token);
        places(token.get(), self.shares.len()).find(is_for_it)
    }

    fn slots_of(&self, token: TokenHash) -> usize {
        self.share(token).map_or(0, |at| self.shares[at].slots as usize)
    }

    /// Puts a nonce where there is none, or one that has expired.
    fn insert(&mut self, hash: u64, token: TokenHash, expires: Moment, now: Moment) {
        const ROOM: &str = "a table that is three quarters full was put in order before";
        let share = self.share(token).expect(ROOM);
        self.tokens += usize::from(self.shares[share].token.is_none());
        self.shares[share].token = Some(token);
        self.shares[share].slots += 1;
        let new = Slot { hash, expires, token: u32::try_from(share).expect("2³² shares are 64 GiB") };
        let mut places = places(hash, self.slots.len());
        let at = places.find(|at| self.slots[*at].expires < now).expect(ROOM);
        let former = mem::replace(&mut self.slots[at], new);
        if former.expires == FREE {
            self.taken += 1;
        } else {
            self.shares[former.token as usize].slots -= 1;
            self.note_dropped(former.expires);
        }
        self.next_expiry = self.next_expiry.min(expires);
    }

    /// Counts anew, if anything can have expired since that was done.
    fn look_for_room(&mut self, now: Moment) {
        if now > self.next_expiry {
            self.put_in_order(now);
        }
    }

    /// Drops what has expired, and makes room for as much again as is left.
    fn put_in_order(&mut self, now: Moment) {
        let (slots, mut shares) = (mem::take(&mut self.slots), mem::take(&mut self.shares));
        for share in &mut shares {
            share.slots = 0;
        }
        let (mut live, mut tokens) = (0, 0);
        for slot in slots.iter().filter(|slot| slot.expires != FREE) {
            if slot.expires >= now {
                let share = &mut shares[slot.token as usize];
                tokens += usize::from(share.slots == 0);
                share.slots += 1;
                live += 1;
            } else {
                self.note_dropped(slot.expires);
            }
        }
        (self.slots, self.taken) = (vec![EMPTY; 2 * live + 8], 0);
        (self.shares, self.tokens) = (vec![NOBODYS; 2 * tokens + 8], 0);
        self.next_expiry = Moment::MAX;
        for slot in slots.iter().filter(|slot| slot.expires != FREE && slot.expires >= now) {
            if let Some(token) = shares[slot.token as usize].token {
                self.insert(slot.hash, token, slot.expires, now);
            }
        }
    }
}

fn is_full(taken: usize, room: usize) -> bool {
    taken >= room / 4 * 3
}

/// All places of a table, in the order in which this hash may stand there.
fn places(hash: u64, room: usize) -> impl Iterator<Item = usize> {
    // The hash as a fraction of all hashes: its upper bits count.
    let home = usize::try_from((u128::from(hash) * room as u128) >> 64).unwrap_or_default();
    (home..room).chain(0..home)
}

/// No moment is [`FREE`]; what is further away than 68 years is that far away.
fn moment(epoch: i64, second: i64) -> Moment {
    let since = second.saturating_sub(epoch).clamp(1, i64::from(Moment::MAX));
    Moment::try_from(since).unwrap_or(Moment::MAX)
}

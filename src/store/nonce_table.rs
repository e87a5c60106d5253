//! Nonces in memory, as far as one lock goes.

use std::collections::HashMap;

use foldhash::fast::RandomState;

use crate::s3p::Recorded;

/// Nonces, told apart by a hash, and how many of them each token has.
///
/// It is a hash table with open addressing. What has expired stays where it is until something new takes its place, or
/// the table is put in order: when it is full, or when there may be room to be found. Each nonce pays for that once.
pub(super) struct NonceTable {
    slots: Vec<Slot>,
    /// How many slots are taken.
    taken: usize,
    /// Where the share of a token is.
    tokens: HashMap<u64, u32, RandomState>,
    shares: Vec<Share>,
    limits: Limits,
    /// The second from which moments are counted.
    epoch: Option<i64>,
    /// All that expires by this second may have been dropped.
    dropped_through: Option<i64>,
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
struct Share {
    token: u64,
    slots: usize,
}

const FREE: Moment = 0;
const EMPTY: Slot = Slot { hash: 0, expires: FREE, token: 0 };

impl NonceTable {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            slots: Vec::new(),
            taken: 0,
            tokens: HashMap::default(),
            shares: Vec::new(),
            limits,
            epoch: None,
            dropped_through: None,
            next_expiry: Moment::MAX,
        }
    }

    /// Treats all that expires by this second as if it had been seen.
    pub(super) fn refuse_through(&mut self, second: i64) {
        self.dropped_through = self.dropped_through.max(Some(second));
    }

    pub(super) fn record(&mut self, hash: u64, token: u64, expires: i64, now: i64) -> Recorded {
        // What is too late could be what was seen and has expired.
        let is_forgotten =
            expires < now || self.dropped_through.is_some_and(|second| expires <= second);
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
        if self.taken >= self.slots.len() / 4 * 3 {
            self.put_in_order(now);
        }
        let token = self.share(token);
        self.insert(Slot { hash, expires, token }, now);
        Recorded::Fresh
    }

    fn note_dropped(&mut self, expires: Moment) {
        let second = self.epoch.map(|epoch| epoch.saturating_add(i64::from(expires)));
        self.dropped_through = self.dropped_through.max(second);
    }

    /// All slots, in the order in which this hash may stand there.
    fn places(&self, hash: u64) -> impl Iterator<Item = usize> + use<> {
        let many = self.slots.len();
        // The hash as a fraction of all hashes: its upper bits count.
        let home = usize::try_from((u128::from(hash) * many as u128) >> 64).unwrap_or_default();
        (home..many).chain(0..home)
    }

    fn is_live(&self, hash: u64, now: Moment) -> bool {
        let slots = self.places(hash).map(|at| self.slots[at]);
        let mut taken = slots.take_while(|slot| slot.expires != FREE);
        taken.any(|slot| slot.hash == hash && slot.expires >= now)
    }

    fn slots_of(&self, token: u64) -> usize {
        self.tokens.get(&token).map_or(0, |share| self.shares[*share as usize].slots)
    }

    fn share(&mut self, token: u64) -> u32 {
        let next =
            u32::try_from(self.shares.len()).expect("each share has a slot, and 2³² slots are 64 GiB");
        let share = *self.tokens.entry(token).or_insert(next);
        if share == next {
            self.shares.push(Share { token, slots: 0 });
        }
        share
    }

    /// Puts a nonce where there is none, or one that has expired.
    fn insert(&mut self, new: Slot, now: Moment) {
        let mut places = self.places(new.hash);
        let at =
            places.find(|at| self.slots[*at].expires < now).expect("a quarter of the slots is free");
        let former = std::mem::replace(&mut self.slots[at], new);
        if former.expires == FREE {
            self.taken += 1;
        } else {
            self.shares[former.token as usize].slots -= 1;
            self.note_dropped(former.expires);
        }
        self.shares[new.token as usize].slots += 1;
        self.next_expiry = self.next_expiry.min(new.expires);
    }

    /// Counts anew, if anything can have expired since that was done.
    fn look_for_room(&mut self, now: Moment) {
        if now > self.next_expiry {
            self.put_in_order(now);
        }
    }

    /// Drops what has expired, and makes room for as much again as is left.
    fn put_in_order(&mut self, now: Moment) {
        let is_live = |slot: &&Slot| slot.expires != FREE && slot.expires >= now;
        let room = (2 * self.slots.iter().filter(is_live).count()).max(16);
        let slots = std::mem::replace(&mut self.slots, vec![EMPTY; room]);
        let shares = std::mem::take(&mut self.shares);
        self.tokens.clear();
        (self.taken, self.next_expiry) = (0, Moment::MAX);
        for slot in slots.iter().filter(|slot| slot.expires != FREE) {
            if slot.expires >= now {
                let token = self.share(shares[slot.token as usize].token);
                self.insert(Slot { token, ..*slot }, now);
            } else {
                self.note_dropped(slot.expires);
            }
        }
    }
}

/// No moment is [`FREE`]; what is further away than 68 years is that far away.
fn moment(epoch: i64, second: i64) -> Moment {
    let since = second.saturating_sub(epoch).clamp(1, i64::from(Moment::MAX));
    Moment::try_from(since).unwrap_or(Moment::MAX)
}

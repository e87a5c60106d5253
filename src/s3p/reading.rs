//! Whether a parameter string can be read in one way only.
//!
//! The scheme joins names and values without encoding them, so a string can be *read* in several ways: cut at
//! some of its `&`, so that each piece is a name, `=` and a value, and the names are sorted. `a=1&b=2` is the
//! value `1&b=2` of `a`, or two parameters. **A request is accepted only if, among all readings of its string,
//! its own is the only one with the most parameters.** The string alone decides which reading that is, so of
//! all requests that have one string, one is accepted at most.
//!
//! That is so whichever dialects a key lists. The readings that are counted here are those of both orders: one
//! name may follow another if it does in either. (Some of them are sorted in neither order as a whole. They can
//! make the answer no, and never yes.)
//!
//! The scheme's own four parameters stand in one place in all readings: no value may hold `&s3pAuth_…=`, so
//! no reading of an accepted string has anything else of that kind. None of their values holds an `&`. So what
//! stands before them and what stands after them are two strings, each judged by itself, and where both have
//! one longest reading, the whole has.
//!
//! Real `callbackUrl` values hold `&name=`. They pass if more parameters of the request stand between their
//! key and that name than the name could win: `callbackUrl=https://shop.example/?a=1&order=7`, followed by
//! `customerEmailaddress` and `customerPhonenumber`, could be read as having the parameter `order` only by
//! giving up these two.

use std::iter;

use memchr::memchr;

use super::params::{OWN_PREFIX, Param, is_name};

/// How many names are compared with each other: more than documented requests have, and few enough for
/// comparing each with each.
const MOST_NAMES: usize = 128;

/// Of all readings that end with a name, those with the most parameters.
struct Longest<'p> {
    name: &'p str,
    length: usize,
    is_only: bool,
}

/// Whether parameters in the order in which they are signed, all before the scheme's own or all after them, have
/// no other reading that is as long. `fits` says which names can stand on this side.
pub(super) fn is_only_longest(params: &[Param<'_>], fits: impl Fn(&str) -> bool) -> bool {
    if params.iter().all(|(_, value)| {
        memchr(b'&', value.as_bytes()).is_none() || names_within(value).next().is_none()
    }) {
        return true;
    }
    if params.iter().any(|(_, value)| names_within(value).any(|name| name.starts_with(OWN_PREFIX))) {
        return false;
    }
    let names = params.iter().flat_map(|(name, value)| iter::once(*name).chain(names_within(value)));
    let names = names.filter(|name| is_name(name) && fits(name));
    let names: Vec<&str> = names.take(MOST_NAMES + 1).collect();
    if names.len() > MOST_NAMES {
        return false;
    }
    let mut readings: Vec<Longest<'_>> = Vec::with_capacity(names.len());
    for name in names {
        let before = readings.iter().filter(|reading| may_follow(reading.name, name));
        // All readings begin with the first name.
        let (length, is_only) = longest(before).unwrap_or((0, readings.is_empty()));
        if length > 0 || is_only {
            readings.push(Longest { name, length: length + 1, is_only });
        }
    }
    longest(readings.iter()) == Some((params.len(), true))
}

/// What stands between `&` and `=` in a value.
fn names_within(value: &str) -> impl Iterator<Item = &str> {
    value.split('&').skip(1).filter_map(|tail| tail.split_once('=')).map(|(name, _)| name)
}

/// In either order: by pair, `a` follows `a-b` as well.
pub(super) fn may_follow(one: &str, other: &str) -> bool {
    let longer = one.strip_prefix(other).and_then(|rest| rest.bytes().next());
    one < other || longer.is_some_and(|next| next < b'=')
}

/// The most parameters, and whether one reading alone has them.
fn longest<'r, 'p: 'r>(readings: impl Iterator<Item = &'r Longest<'p>>) -> Option<(usize, bool)> {
    readings
        .map(|reading| (reading.length, reading.is_only))
        .reduce(|one, other| if one.0 == other.0 { (one.0, false) } else { one.max(other) })
}

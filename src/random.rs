//! Random numbers of the system.

/// Fills the bytes.
///
/// # Panics
///
/// When the system has none: it has not finished starting, or does not let this process ask. No request can
/// bring that about, and nothing that is made then could be kept secret or told apart.
pub(crate) fn fill(bytes: &mut [u8]) {
    getrandom::fill(bytes).expect("the system has random numbers");
}

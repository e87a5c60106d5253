//! A store of one's own: nonces in files, one for each, on a disk that several processes share. The contract
//! says whether it does what it must.
//!
//! `cargo run --example own_store --features contract,s3p`
#![allow(clippy::unwrap_used, clippy::print_stdout, unreachable_pub, reason = "an example")]

use std::{
    env, fs,
    io::ErrorKind,
    path::{Path, PathBuf},
    process,
    sync::atomic::{AtomicUsize, Ordering},
};

use portcullis::{
    NowOrLater, StoreError,
    s3p::{Nonce, NonceStore, Recorded},
    store::contract,
};
use sha2::{Digest, Sha256};

/// A folder with an empty file for each nonce. Delete those older than an hour by a timer.
struct Files(PathBuf);

impl NonceStore for Files {
    fn record(&self, nonce: Nonce<'_>) -> NowOrLater<Result<Recorded, StoreError>> {
        let file = self.0.join(name(&nonce));
        // Files block the thread, so they are another thread's.
        NowOrLater::later(async move {
            tokio::task::spawn_blocking(move || create(&file)).await.map_err(StoreError::new)?
        })
    }
}

/// Any text makes a name of one length, and no two nonces make one: the token is hashed with its length.
fn name(nonce: &Nonce<'_>) -> String {
    let (token, nonce) = (nonce.token.as_bytes(), nonce.nonce.as_bytes());
    let digest = Sha256::new()
        .chain_update(token.len().to_be_bytes())
        .chain_update(token)
        .chain_update(nonce)
        .finalize();
    digest.iter().fold(String::new(), |name, byte| format!("{name}{byte:02x}"))
}

/// Looks up and inserts in one step, which the file system makes.
fn create(file: &Path) -> Result<Recorded, StoreError> {
    match fs::File::create_new(file).and_then(|file| file.sync_all()) {
        Ok(()) => Ok(Recorded::Fresh),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(Recorded::Replayed),
        Err(error) => Err(StoreError::new(error)),
    }
}

/// A new and empty store.
fn new_store(name: &str) -> Files {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let folder = env::temp_dir().join(format!("own-store-{name}-{}-{number}", process::id()));
    fs::create_dir(&folder).unwrap();
    Files(folder)
}

impl Drop for Files {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Runs the contract.
#[tokio::main]
pub async fn main() {
    contract::nonces(async || new_store("good")).await;
    // A folder that is not there stands for a disk that is not.
    contract::broken_nonces(&Files("/nowhere".into())).await;
    println!("the store keeps the contract");
}

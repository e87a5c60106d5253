//! A store of one's own: nonces in files, one for each, on a disk that several processes share. The contract says
//! whether it does what it must: `cargo run --example own_store --features contract,s3p`
#![allow(clippy::unwrap_used, clippy::print_stdout, unreachable_pub, reason = "an example")]

use std::{
    env, fs, io,
    path::{Path, PathBuf},
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
        // Any text makes a name of one length, and no two nonces make one: the token is hashed with its length.
        let digest = Sha256::new()
            .chain_update(nonce.token.len().to_be_bytes())
            .chain_update(nonce.token)
            .chain_update(nonce.nonce)
            .finalize();
        let name = digest.iter().fold(String::new(), |name, byte| format!("{name}{byte:02x}"));
        let folder = self.0.clone();
        // Files block the thread, so they are another thread's.
        NowOrLater::later(async move {
            let created = tokio::task::spawn_blocking(move || create(&folder, &name));
            match created.await.map_err(StoreError::new)? {
                Ok(()) => Ok(Recorded::Fresh),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(Recorded::Replayed),
                Err(error) => Err(StoreError::new(error)),
            }
        })
    }
}

/// Looks up and inserts in one step, which the file system makes; it is on the disk when the folder is.
fn create(folder: &Path, name: &str) -> io::Result<()> {
    fs::File::create_new(folder.join(name))?.sync_all()?;
    fs::File::open(folder)?.sync_all()
}

/// Runs the contract.
#[tokio::main]
pub async fn main() {
    let mut random = [0; 8];
    getrandom::fill(&mut random).unwrap();
    let temporary = env::temp_dir().join(format!("own-store-{:016x}", u64::from_be_bytes(random)));
    fs::create_dir(&temporary).unwrap();
    let next = AtomicUsize::new(0);
    let new_folder = || temporary.join(next.fetch_add(1, Ordering::Relaxed).to_string());
    contract::nonces(async || {
        let folder = new_folder();
        fs::create_dir(&folder).unwrap();
        Files(folder)
    })
    .await;
    // A folder that is not there stands for a disk that is not.
    contract::broken_nonces(&Files(new_folder())).await;
    fs::remove_dir_all(&temporary).unwrap();
    println!("the store keeps the contract, but for rule 4: it has no bound but its disk");
}

use std::{fs::OpenOptions, os::unix::fs::OpenOptionsExt, path::Path};

use portcullis::store::sql::Engine;

use crate::{Error, database::Database};

/// Copies the database of one moment into a new file, which only its owner may read. Requests go on.
pub async fn run(database: &Database, file: &Path) -> Result<(), Error> {
    if database.store().engine() != Engine::Sqlite {
        return Err("this is for the embedded database: PostgreSQL is backed up by pg_dump".into());
    }
    let name = file.to_str().ok_or("the name of the file is not UTF-8")?;
    let cannot = |error| format!("cannot write the backup {}: {error}", file.display());
    // SQLite writes into a file that is empty, and into no other.
    let backup = OpenOptions::new().append(true).create_new(true).mode(0o600).open(file);
    let backup = backup.map_err(cannot)?;
    sqlx::query("VACUUM INTO $1").bind(name).execute(database.pool()).await?;
    Ok(backup.sync_all().map_err(cannot)?)
}

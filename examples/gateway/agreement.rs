//! What all instances on one database have alike. The first one writes it down; one that is told otherwise does
//! not start, instead of refusing good tokens, or letting a nonce be used at two instances.

use crate::{Error, database::Database, vault::Vault};

pub struct Agreement {
    /// A digest of the keys.
    keys: String,
    /// Where the nonces are.
    nonces: &'static str,
}

impl Agreement {
    pub fn new(vault: &Vault, has_redis: bool) -> Self {
        Self { keys: vault.digest(), nonces: if has_redis { "redis" } else { "database" } }
    }

    /// Refuses the keys of another database.
    pub async fn check_keys(&self, database: &Database, vault: &Vault) -> Result<(), Error> {
        if is_agreed(database, "keys", &self.keys).await? {
            return Ok(());
        }
        let why = vault.refuse()?;
        Err(format!(
            "{why}: copy the file of the other instances, or of your backup, to there, or name it by --keys; \
             if it is lost, see `gateway adopt --help`"
        )
        .into())
    }

    /// Refuses to keep the nonces elsewhere than the other instances do.
    pub async fn check_nonces(&self, database: &Database) -> Result<(), Error> {
        if is_agreed(database, "nonces", self.nonces).await? {
            return Ok(());
        }
        let where_they_are = match self.nonces {
            "redis" => "in the database: start without --redis",
            _ => "in Redis: start with the --redis of the other instances",
        };
        Err(format!(
            "the instances on this database keep nonces {where_they_are}, or stop all of them and run \
             `gateway adopt` to change that"
        )
        .into())
    }

    /// From now on, it is as this instance has been told.
    pub async fn adopt(&self, database: &Database) -> Result<(), Error> {
        let mut change = database.change("gateway: agreement").await?;
        for (name, value) in [("keys", &*self.keys), ("nonces", self.nonces)] {
            sqlx::query(
                "INSERT INTO gateway_agreement (name, value) VALUES ($1, $2) \
                 ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            )
            .bind(name)
            .bind(value)
            .execute(&mut *change)
            .await?;
        }
        Ok(change.commit().await?)
    }
}

/// Whether this is what all instances have. If none has said it yet, it is.
async fn is_agreed(database: &Database, name: &str, value: &str) -> Result<bool, Error> {
    let insert = "INSERT INTO gateway_agreement (name, value) VALUES ($1, $2) ON CONFLICT DO NOTHING";
    sqlx::query(insert).bind(name).bind(value).execute(database.pool()).await?;
    let (agreed,): (String,) = sqlx::query_as("SELECT value FROM gateway_agreement WHERE name = $1")
        .bind(name)
        .fetch_one(database.pool())
        .await?;
    Ok(agreed == value)
}

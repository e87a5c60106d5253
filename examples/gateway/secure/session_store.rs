use std::fmt;

use async_trait::async_trait;
use sha2::{Digest, Sha256};
use tower_sessions::{
    SessionStore,
    cookie::time::OffsetDateTime,
    session::{Id, Record},
    session_store::{Error, Result},
};

use crate::{admin::now, database::Database};

/// Sessions in the gateway's database, so that any of its instances knows them. A row is found by a digest of its
/// id: who reads the table can sign in with none of them.
#[derive(Clone)]
pub struct Sessions(pub Database);

#[async_trait]
impl SessionStore for Sessions {
    /// Under an id that is drawn here, whatever id the request has come with.
    async fn create(&self, record: &mut Record) -> Result<()> {
        record.id = Id::default();
        sqlx::query("INSERT INTO page_sessions (digest, body, expires) VALUES ($1, $2, $3)")
            .bind(digest(&record.id))
            .bind(body(record)?)
            .bind(record.expiry_date.unix_timestamp())
            .execute(self.0.pool())
            .await
            .map(drop)
            .map_err(|error| backend(&error))
    }

    /// A session that has ended in the meantime does not come back.
    async fn save(&self, record: &Record) -> Result<()> {
        sqlx::query("UPDATE page_sessions SET body = $1, expires = $2 WHERE digest = $3")
            .bind(body(record)?)
            .bind(record.expiry_date.unix_timestamp())
            .bind(digest(&record.id))
            .execute(self.0.pool())
            .await
            .map(drop)
            .map_err(|error| backend(&error))
    }

    async fn load(&self, id: &Id) -> Result<Option<Record>> {
        let row: Option<(String, i64)> = sqlx::query_as(
            "SELECT body, expires FROM page_sessions WHERE digest = $1 AND expires > $2",
        )
        .bind(digest(id))
        .bind(now())
        .fetch_optional(self.0.pool())
        .await
        .map_err(|error| backend(&error))?;
        let Some((body, expires)) = row else {
            return Ok(None);
        };
        let decode = |error: &dyn fmt::Display| Error::Decode(error.to_string());
        Ok(Some(Record {
            id: *id,
            data: serde_json::from_str(&body).map_err(|error| decode(&error))?,
            expiry_date: OffsetDateTime::from_unix_timestamp(expires)
                .map_err(|error| decode(&error))?,
        }))
    }

    async fn delete(&self, id: &Id) -> Result<()> {
        sqlx::query("DELETE FROM page_sessions WHERE digest = $1")
            .bind(digest(id))
            .execute(self.0.pool())
            .await
            .map(drop)
            .map_err(|error| backend(&error))
    }
}

impl fmt::Debug for Sessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sessions")
    }
}

fn digest(id: &Id) -> Vec<u8> {
    Sha256::digest(id.0.to_le_bytes()).to_vec()
}

fn body(record: &Record) -> Result<String> {
    serde_json::to_string(&record.data).map_err(|error| Error::Encode(error.to_string()))
}

fn backend(error: &sqlx::Error) -> Error {
    Error::Backend(error.to_string())
}

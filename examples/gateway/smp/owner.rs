use portcullis::ownership::{OwnershipAdmin, OwnershipStore, Resource};

use super::id;
use crate::{Error, admin, database::Database};

/// Makes a group another user's, with all that is in it.
pub async fn transfer(database: &Database, group: &str, user: &str) -> Result<(), Error> {
    let id = id::participant(group)
        .ok_or_else(|| format!("{group:?} is no participant's id: it is written scheme::value"))?;
    let (store, to) = (database.store(), admin::identity(database, user).await?);
    let group = Resource::new("group", id.as_str());
    let from = store.owner(&group).await?.ok_or_else(|| format!("there is no group {id:?}"))?;
    if store.transfer(&group, &from, &to).await?.is_none() {
        return Err(format!("{id:?} has changed hands just now: look again").into());
    }
    Ok(())
}

use portcullis::ownership::{OwnershipAdmin, OwnershipStore, Resource};

use super::id;
use crate::{Error, accounts, database::Database};

/// Makes a group another user's, with all that is in it.
pub async fn transfer(database: &Database, group: &str, user: &str) -> Result<(), Error> {
    let id = id::participant(group)
        .ok_or_else(|| format!("{group:?} is no participant's id: it is written scheme::value"))?;
    let to = accounts::find(database, user).await?;
    let to = to.ok_or_else(|| format!("there is no user {user:?}"))?.identity;
    let store = database.store();
    let group = Resource::new("group", id.as_str());
    let from = store.owner(&group).await?.ok_or_else(|| format!("there is no group {id:?}"))?;
    if store.transfer(&group, &from, &to).await?.is_none() {
        return Err(format!("{id:?} has changed hands just now: look again").into());
    }
    Ok(())
}

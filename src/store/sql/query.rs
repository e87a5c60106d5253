//! Statements, and how long they may take.

use sqlx::{
    Any, FromRow,
    any::{AnyArguments, AnyRow},
    query::{Query, QueryAs},
};
use tokio::time;

use super::{Sql, timed_out};
use crate::StoreError;

type Statement = Query<'static, Any, AnyArguments>;
type Select<O> = QueryAs<'static, Any, O, AnyArguments>;

impl Sql {
    /// How many rows were changed.
    pub(super) async fn execute(&self, statement: Statement) -> sqlx::Result<u64> {
        let mut connection = self.0.pool.acquire().await?;
        let done = self.bounded(statement.execute(&mut *connection)).await;
        Ok(done.unwrap_or_else(|| Err(timed_out()))?.rows_affected())
    }

    /// Whether a row was changed.
    pub(super) async fn change(&self, statement: Statement) -> Result<bool, StoreError> {
        self.execute(statement).await.map(|rows| rows > 0).map_err(StoreError::new)
    }

    pub(super) async fn fetch_optional<O>(&self, select: Select<O>) -> sqlx::Result<Option<O>>
    where
        O: for<'r> FromRow<'r, AnyRow> + Send + Unpin,
    {
        let mut connection = self.0.pool.acquire().await?;
        let done = self.bounded(select.fetch_optional(&mut *connection)).await;
        done.unwrap_or_else(|| Err(timed_out()))
    }

    pub(super) async fn fetch_all<O>(&self, select: Select<O>) -> sqlx::Result<Vec<O>>
    where
        O: for<'r> FromRow<'r, AnyRow> + Send + Unpin,
    {
        let mut connection = self.0.pool.acquire().await?;
        let done = self.bounded(select.fetch_all(&mut *connection)).await;
        done.unwrap_or_else(|| Err(timed_out()))
    }

    /// `None` if the limit has passed: the engine's own limit is shorter, so that it is no longer there.
    pub(super) async fn bounded<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        time::timeout(self.0.patience, work).await.ok()
    }
}

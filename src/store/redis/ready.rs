use std::sync::LazyLock;

use ::redis::Script;

use super::Redis;
use crate::StoreError;

/// A replica refuses it, and so does a Redis whose memory is full.
static WRITE: LazyLock<Script> =
    LazyLock::new(|| Script::new("redis.call('SET', KEYS[1], '', 'PX', 1000)"));

impl Redis {
    /// Whether Redis takes writes, asked within the [time limit](super::RedisBuilder::time_limit). That it does holds
    /// for a second; those who ask at once share an answer.
    ///
    /// # Errors
    ///
    /// When it does not, or not in time.
    pub async fn check_ready(&self) -> Result<(), StoreError> {
        let mut script = WRITE.prepare_invoke();
        script.key(format!("{}:ready", self.0.prefix));
        let written = async { self.run(script).await.map_err(StoreError::new) };
        self.0.verdict.or_ask(written).await
    }
}

use std::sync::LazyLock;

use ::redis::Script;

use super::Redis;
use crate::StoreError;

static ID: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"
        redis.call('SET', KEYS[1], ARGV[1], 'NX')
        return redis.call('GET', KEYS[1])
        ",
    )
});

impl Redis {
    /// A random id of what this Redis keeps under this prefix, drawn when it is asked for first: by it, instances see
    /// whether they share a store. It goes to replicas like all that is stored, and is another one when that was lost.
    ///
    /// # Errors
    ///
    /// When Redis cannot answer.
    pub async fn id(&self) -> Result<String, StoreError> {
        let mut random = [0; 16];
        crate::random::fill(&mut random);
        let mut script = ID.prepare_invoke();
        script.key(format!("{}:id", self.0.prefix));
        script.arg(format!("{:032x}", u128::from_be_bytes(random)));
        self.run(script).await.map_err(StoreError::new)
    }
}

use super::{Error, Sql};

impl Sql {
    /// Refuses one more family of somebody who has as many as there may be. Of several that begin at once, a few more
    /// are kept.
    pub(super) async fn check_families(
        &self,
        issuer: &str,
        subject: &str,
        family: &str,
    ) -> Result<(), Error> {
        let count = sqlx::query_as::<_, (i64,)>(
            "SELECT count(*) FROM portcullis_refresh_families \
             WHERE issuer = $1 AND subject = $2 AND id <> $3",
        );
        let count = count.bind(issuer.to_owned()).bind(subject.to_owned()).bind(family.to_owned());
        match self.fetch_optional(count).await? {
            Some((families,)) if families >= self.0.max_families => {
                Err("somebody has as many families of refresh tokens as there may be".into())
            }
            _ => Ok(()),
        }
    }
}

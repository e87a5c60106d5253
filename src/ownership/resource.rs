use std::sync::Arc;

use super::id::Id;

/// A resource: what kind of thing it is, and its id. Note 7 is not group 7.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Resource {
    kind: Arc<str>,
    id: Id,
}

impl Resource {
    /// A resource of this kind and id.
    pub fn new(kind: impl Into<Arc<str>>, id: impl Into<Arc<str>>) -> Self {
        Self { kind: kind.into(), id: Id::Text(id.into()) }
    }

    pub(super) fn of(kind: Arc<str>, id: Id) -> Self {
        Self { kind, id }
    }

    /// The same, for those who keep it: it does not keep the path that it was read in.
    pub(crate) fn to_kept(&self) -> Self {
        Self::new(self.kind.clone(), self.id())
    }

    /// A resource of a tenant, whose ids are unique for that tenant alone. The id is the two, joined by `/`;
    /// in each of them, `%` is spelled `%25` and `/` is `%2F`, so that no two pairs are one id.
    ///
    /// ```
    /// # use portcullis::ownership::Resource;
    /// assert_eq!(Resource::of_tenant("note", "acme", "7").id(), "acme/7");
    /// ```
    pub fn of_tenant(kind: impl Into<Arc<str>>, tenant: &str, id: &str) -> Self {
        let [tenant, id] = [tenant, id].map(|part| part.replace('%', "%25").replace('/', "%2F"));
        Self::new(kind, format!("{tenant}/{id}"))
    }

    /// What kind of thing it is.
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// As much of the id as a line of the log has room for.
    pub(super) fn id_for_the_log(&self) -> &str {
        match self.id.char_indices().nth(128) {
            Some((end, _)) => &self.id[..end],
            None => &self.id,
        }
    }

    /// The id: unique for its kind.
    pub fn id(&self) -> &str {
        &self.id
    }
}

/// What a request is about: a resource, and whether the request may create it.
#[derive(Clone, Debug)]
pub struct Target {
    resource: Resource,
    creates: bool,
}

impl Target {
    /// A resource that is there already: while nobody owns it, the answer is 404.
    pub fn new(resource: Resource) -> Self {
        Self { resource, creates: false }
    }

    /// Lets the request claim the resource while nobody owns it.
    pub fn may_create(mut self) -> Self {
        self.creates = true;
        self
    }

    /// The resource.
    pub fn resource(&self) -> &Resource {
        &self.resource
    }

    pub(super) fn into_resource(self) -> Resource {
        self.resource
    }

    pub(super) fn creates(&self) -> bool {
        self.creates
    }
}

//! What all resources have in common.

use std::fmt::Display;

use crate::{
    access::{Located, ResourceKind},
    event::{EventDraft, Subject},
    time::Instant,
};

/// A thing of the domain that has an id, a place and a version.
pub trait Resource: Located {
    /// Its kind.
    const KIND: ResourceKind;
    /// What names one of them.
    type Id: Clone + PartialEq + Display;

    /// Its id.
    fn id(&self) -> Self::Id;
    /// How often it was written.
    fn version(&self) -> i64;
    /// Counts a change.
    fn touch(&mut self, now: Instant);

    /// The event of a change to it, after the version was counted up.
    fn event(&self, kind: &'static str) -> EventDraft {
        let subject = Subject { kind: Self::KIND, id: self.id().to_string(), version: self.version() };
        EventDraft::new(kind, subject, self.region().cloned())
    }
}

macro_rules! resource {
    ($type:ident, $id:ident: $id_type:ty) => {
        impl $crate::resource::Resource for $type {
            const KIND: $crate::access::ResourceKind = $crate::access::ResourceKind::$type;
            type Id = $id_type;

            fn id(&self) -> Self::Id {
                self.$id.clone()
            }

            fn version(&self) -> i64 {
                self.version
            }

            fn touch(&mut self, now: $crate::time::Instant) {
                self.version += 1;
                self.updated_at = now;
            }
        }
    };
}
pub(crate) use resource;

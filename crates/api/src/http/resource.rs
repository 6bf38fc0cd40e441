//! What can be done to resources of every kind: read, create, replace, patch, and follow their events. A kind says
//! only what is its own.

use domain::{
    access::{Action, Detail, Grasp},
    event::{Datum, EventDraft},
    outcome::Outcome,
    refusal::FieldError,
    resource::Resource,
};
use persistence::{EventFilter, Findable, Found, Page, Stored, Tx};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use utoipa::ToSchema;
use validator::Validate;

use super::{
    body::{self, MergePatch},
    ctx::Ctx,
    query::List,
    reply::{Reply, Shown},
    timeline::{EventOut, TimelineIn},
};
use crate::problem::Problem;

/// A resource as answers show it.
pub trait View: Shown {
    /// What it is in the domain.
    type Row: Findable;

    /// The segment of its paths.
    const COLLECTION: &'static str;

    /// How one that the caller sees is shown to him.
    fn of(ctx: &Ctx, found: Found<Self::Row>) -> Self;
}

/// What clients write of a resource. The whole of it creates and replaces; merge patches change single members.
pub trait Writable: Serialize + DeserializeOwned + ToSchema + Validate + 'static {
    /// All its members, for the events that tell what changed.
    const MEMBERS: &'static [&'static str];
    /// Members that are said once and never change.
    const FIXED: &'static [&'static str] = &[];
}

/// A resource that clients write.
pub trait Editable: View<Row: Stored + Clone + PartialEq> {
    /// What they write.
    type In: Writable;

    /// The kinds of the events of creation and change.
    const EVENTS: (&'static str, &'static str);

    /// What a row looks like when written.
    fn written(row: &Self::Row) -> Self::In;

    /// The row that this makes: a new one, or the one before with what is written put in place.
    ///
    /// # Errors
    /// What is wrong with what was written.
    fn build(
        ctx: &Ctx,
        tx: &Tx,
        make: Make<'_, Self::Row>,
        written: Self::In,
    ) -> impl Future<Output = Result<Self::Row, Problem>>;

    /// Writes what goes with a new row, once it is saved.
    ///
    /// # Errors
    /// If it cannot be written.
    fn settle(_ctx: &Ctx, _tx: &Tx, _new: &Self::Row) -> impl Future<Output = Result<(), Problem>> {
        std::future::ready(Ok(()))
    }

    /// Forgets what is kept in memory of rows of this kind, after one was written.
    fn forget(_ctx: &Ctx) {}
}

/// What a row is built from.
#[derive(Debug, Clone, Copy)]
pub enum Make<'a, T: Resource> {
    /// A new row; under the client's own id if he gave one.
    New(Option<&'a T::Id>),
    /// The row before.
    From(&'a T),
}

impl<T: Resource> Make<'_, T> {
    /// The row before, if there is one.
    #[must_use]
    pub fn before(&self) -> Option<&T> {
        match self {
            Self::New(_) => None,
            Self::From(row) => Some(row),
        }
    }

    /// The id of the row.
    #[must_use]
    pub fn id(&self, new: impl FnOnce() -> T::Id) -> T::Id {
        match self {
            Self::New(Some(id)) => (*id).clone(),
            Self::New(None) => new(),
            Self::From(row) => row.id(),
        }
    }
}

/// One resource.
///
/// # Errors
/// `not-found`; `access-approval-required` for who has only aggregates.
pub async fn get<V: View>(ctx: &Ctx, id: &<V::Row as Resource>::Id) -> Result<Reply, Problem> {
    Reply::ok(ctx, &read::<V>(ctx, id).await?)
}

/// One resource, before it is sent.
///
/// # Errors
/// `not-found`; `access-approval-required` for who has only aggregates.
pub async fn read<V: View>(ctx: &Ctx, id: &<V::Row as Resource>::Id) -> Result<V, Problem> {
    let access = ctx.authorize(Action::Read, V::Row::KIND)?;
    let found = ctx.app.database.rows().read::<V::Row>(&access, id).await?;
    more_than_bare(&found)?;
    Ok(V::of(ctx, found))
}

/// A page of resources.
///
/// # Errors
/// If it cannot be written as JSON.
pub fn page<V: View, F>(ctx: &Ctx, list: &List<F>, page: Page<Found<V::Row>>) -> Result<Reply, Problem> {
    Reply::page(ctx, list, &page.try_map(|found| Ok(V::of(ctx, found)))?)
}

/// The events of one resource that the caller sees.
///
/// # Errors
/// `not-found`; `access-approval-required` for who has only aggregates.
pub async fn timeline<T: Findable>(ctx: &Ctx, id: &T::Id, list: &List<TimelineIn>) -> Result<Reply, Problem> {
    let access = ctx.authorize(Action::Read, T::KIND)?;
    let rows = ctx.app.database.rows();
    more_than_bare(&rows.find::<T>(&access, id).await?)?;
    let filter = EventFilter { subject_type: T::KIND, subject_id: id.to_string() };
    let page = rows.timeline(&filter, &list.page).await?;
    Reply::page(ctx, list, &page.try_map(|event| Ok(EventOut::of(ctx, event)))?)
}

/// Refuses one who has only aggregates.
///
/// # Errors
/// `access-approval-required`
pub fn more_than_bare<T>(found: &Found<T>) -> Result<(), Problem> {
    if found.grasp.detail == Detail::Bare { Err(Problem::new("access-approval-required")) } else { Ok(()) }
}

/// A resource as the caller sees it after what he did to it; he may have lost sight of it by that.
///
/// # Errors
/// If it cannot be written as JSON.
pub fn shown<V: View>(ctx: &Ctx, row: V::Row) -> Result<Reply, Problem> {
    let access = ctx.authorize(Action::Read, V::Row::KIND)?;
    match access.grasp(&row) {
        Some(grasp) => Reply::ok(ctx, &V::of(ctx, Found { row, grasp })),
        None => Ok(Reply::no_content()),
    }
}

/// A resource as the caller sees it after he made it.
///
/// # Errors
/// If it cannot be written as JSON.
pub fn created<V: View>(ctx: &Ctx, row: V::Row) -> Result<Reply, Problem> {
    created_in::<V>(ctx, V::COLLECTION, row)
}

/// The same of what is part of something else: its path begins with that of the whole.
///
/// # Errors
/// If it cannot be written as JSON.
pub fn created_in<V: View>(ctx: &Ctx, collection: &str, row: V::Row) -> Result<Reply, Problem> {
    let access = ctx.authorize(Action::Read, V::Row::KIND)?;
    match access.grasp(&row) {
        Some(grasp) => Reply::created(ctx, collection, &V::of(ctx, Found { row, grasp })),
        None => Ok(Reply::no_content()),
    }
}

/// Creates a resource.
///
/// # Errors
/// `forbidden`, `validation-failed`
pub async fn create<V: Editable>(ctx: &Ctx, written: V::In, content: &Value) -> Result<Reply, Problem> {
    let access = ctx.authorize(Action::Create, V::Row::KIND)?;
    if !access.permits_some() {
        return Err(Problem::new("forbidden"));
    }
    write::<V>(ctx, content, async |tx| make::<V>(ctx, tx, None, written).await).await
}

/// Writes, and forgets what was kept of the kind: it may have been written even where the answer is a failure.
async fn write<V: Editable>(
    ctx: &Ctx,
    content: &Value,
    work: impl AsyncFnOnce(&Tx) -> Result<Reply, Problem>,
) -> Result<Reply, Problem> {
    let reply = ctx.write(content, work).await;
    V::forget(ctx);
    reply
}

async fn make<V: Editable>(
    ctx: &Ctx,
    tx: &Tx,
    id: Option<&<V::Row as Resource>::Id>,
    written: V::In,
) -> Result<Reply, Problem> {
    let access = ctx.authorize(Action::Create, V::Row::KIND)?;
    let row = V::build(ctx, tx, Make::New(id), written).await?;
    if !access.permits_at(&row) {
        return Err(Problem::new("forbidden"));
    }
    let event = row.event(V::EVENTS.0);
    let row = tx.insert(Outcome::new(row, event)).await?;
    V::settle(ctx, tx, &row).await?;
    created::<V>(ctx, row)
}

/// Creates a resource under the client's own id, or replaces it. The same content again changes nothing, so a lost
/// answer can be asked for again.
///
/// # Errors
/// `not-found` where the id exists out of sight, `validation-failed` where it is no UUIDv7, `forbidden`,
/// `precondition-required`, `version-mismatch`
pub async fn put<V>(ctx: &Ctx, id: &<V::Row as Resource>::Id, written: V::In, content: &Value) -> Result<Reply, Problem>
where
    V: Editable,
    <V::Row as Resource>::Id: Into<uuid::Uuid>,
{
    if ctx.app.database.rows().exists::<V::Row>(id).await? {
        return change::<V>(ctx, id, content, |_| Ok(written)).await;
    }
    if Into::<uuid::Uuid>::into(id.clone()).get_version_num() != 7 {
        return Err(Problem::field("", "format"));
    }
    let access = ctx.authorize(Action::Create, V::Row::KIND)?;
    if !access.permits_some() {
        return Err(Problem::new("forbidden"));
    }
    write::<V>(ctx, content, async |tx| make::<V>(ctx, tx, Some(id), written).await).await
}

/// Changes members of a resource (RFC 7396).
///
/// # Errors
/// `not-found`, `forbidden`, `precondition-required`, `version-mismatch`, `validation-failed`
pub async fn patch<V: Editable>(
    ctx: &Ctx,
    id: &<V::Row as Resource>::Id,
    patch: MergePatch<V::In>,
) -> Result<Reply, Problem> {
    // a patch that leaves everything as it is needs the version too
    change::<V>(ctx, id, &Value::Null, |before| {
        ctx.require_version(before.version())?;
        patch.onto(&V::written(before))
    })
    .await
}

async fn change<V: Editable>(
    ctx: &Ctx,
    id: &<V::Row as Resource>::Id,
    content: &Value,
    written: impl FnOnce(&V::Row) -> Result<V::In, Problem>,
) -> Result<Reply, Problem> {
    let access = ctx.authorize(Action::Update, V::Row::KIND)?;
    write::<V>(ctx, content, async |tx| {
        let found = tx.rows().find_to_change::<V::Row>(&access, id).await?.permitted(&access)?;
        let before = found.row;
        let written = written(&before)?;
        keeps::<V>(V::In::FIXED, &before, &written)?;
        let mut after = V::build(ctx, tx, Make::From(&before), written).await?;
        if after == before {
            return shown::<V>(ctx, before);
        }
        ctx.require_version(before.version())?;
        // both ends of a move are checked
        if !access.permits_at(&after) {
            return Err(Problem::new("forbidden"));
        }
        after.touch(ctx.now);
        let event = updated::<V>(&before, &after);
        shown::<V>(ctx, tx.update(Outcome::new(after, event)).await?)
    })
    .await
}

/// Refuses changes of some members: those that are said once, or are not this caller's to change.
///
/// # Errors
/// `not-changeable` at each of them that is written otherwise.
pub fn keeps<V: Editable>(members: &[&str], before: &V::Row, written: &V::In) -> Result<(), Problem> {
    let (old, new) = (body::members(&V::written(before)), body::members(written));
    let changed = members.iter().filter(|name| old.get(**name) != new.get(**name));
    let errors: Vec<FieldError> = changed.map(|name| FieldError::new(format!("/{name}"), "not-changeable")).collect();
    if errors.is_empty() { Ok(()) } else { Err(Problem::invalid(errors)) }
}

fn updated<V: Editable>(before: &V::Row, after: &V::Row) -> EventDraft {
    let (old, new) = (body::members(&V::written(before)), body::members(&V::written(after)));
    let changed = V::In::MEMBERS.iter().filter(|name| old.get(**name) != new.get(**name)).copied().collect();
    after.event(V::EVENTS.1).with("changed", Datum::Words(changed))
}

/// One transition of a resource: load within sight, check right and version, decide, save, answer.
///
/// # Errors
/// `not-found`, `forbidden`, `version-mismatch`, and what the decision refuses.
pub async fn transition<V: View<Row: Stored>>(
    ctx: &Ctx,
    id: &<V::Row as Resource>::Id,
    action: Action,
    content: &Value,
    decide: impl AsyncFnOnce(&Tx, Found<V::Row>) -> Result<Outcome<V::Row>, Problem>,
) -> Result<Reply, Problem> {
    let access = ctx.authorize(action, V::Row::KIND)?;
    ctx.write(content, async |tx| {
        let found = tx.rows().find_to_change::<V::Row>(&access, id).await?.permitted(&access)?;
        ctx.check_version(found.row.version())?;
        let outcome = decide(tx, found).await?;
        shown::<V>(ctx, tx.update(outcome).await?)
    })
    .await
}

/// What the caller may do to a resource that has no states: change it, where he may.
#[must_use]
pub fn plain_actions(grasp: Grasp) -> Vec<&'static str> {
    if grasp.actions.has(Action::Update) { vec![Action::Update.name()] } else { Vec::new() }
}

/// Declares a resource as answers show it: its kind, its class of caching and where its id and version are.
macro_rules! shown_as {
    ($type:ty, $kind:ident, $caching:ident) => {
        impl $crate::http::Shown for $type {
            const KIND: domain::access::ResourceKind = domain::access::ResourceKind::$kind;
            const CACHING: $crate::http::reply::Caching = $crate::http::reply::Caching::$caching;

            fn id(&self) -> String {
                self.id.to_string()
            }

            fn version(&self) -> i64 {
                self.version
            }
        }
    };
}
pub(crate) use shown_as;

/// Declares a page of a list for the document.
macro_rules! page_of {
    ($type:ident, $schema:ident, $item:ty) => {
        /// A page of a list.
        #[derive(utoipa::ToSchema)]
        #[schema(as = $schema)]
        #[expect(dead_code, reason = "it only documents")]
        pub struct $type {
            items: Vec<$item>,
            page: $crate::openapi::PageOut,
        }
    };
}
pub(crate) use page_of;

/// Defines the timeline of a kind of resource. `actix_web::get` must be in scope: the document is made from its name.
macro_rules! timeline_of {
    ($handler:ident, $tag:tt, $operation:tt, $path:tt, $id:tt, $row:ty) => {
        /// List its events, from the first
        #[utoipa::path(tag = $tag, operation_id = $operation, params(($id = String, Path, description = "its id"), $crate::http::ListParams, $crate::http::timeline::TimelineIn), security(("bearer" = [])), responses((status = 200, body = $crate::http::timeline::EventPageOut)))]
        #[get($path)]
        pub async fn $handler(
            ctx: $crate::http::Ctx,
            id: $crate::http::PathId<<$row as domain::resource::Resource>::Id>,
            list: $crate::http::List<$crate::http::timeline::TimelineIn>,
        ) -> Result<$crate::http::Reply, $crate::problem::Problem> {
            $crate::http::resource::timeline::<$row>(&ctx, &id.0, &list).await
        }
    };
}
pub(crate) use timeline_of;

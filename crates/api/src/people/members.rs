//! Who belongs to a household.

use actix_web::{delete, post};
use chrono::NaiveDate;
use domain::{
    access::{Action, ResourceKind},
    id::{HouseholdId, PersonId},
    people::{Household, HouseholdMember, Person},
    time::day_in_china,
};
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;
use validator::Validate;

use super::households::{HouseholdOut, RelationIo};
use crate::{
    http::{Body, Ctx, PathId, PathIds, Reply, resource},
    problem::Problem,
};

/// Somebody who belongs to a household.
#[derive(Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schema(as = NewHouseholdMember, example = json!({"person_id": "019cd111-7f00-7a00-9b00-aaaaaaaaaaaa", "relation": "spouse"}))]
pub struct MemberIn {
    /// The person.
    person_id: Uuid,
    /// What he is to the head.
    relation: RelationIo,
    /// First day; today if it is not said.
    valid_from: Option<NaiveDate>,
}

/// Add somebody to a household
#[utoipa::path(tag = "households", operation_id = "addHouseholdMember", params(("id" = Uuid, Path, description = "household id")), request_body = MemberIn, security(("bearer" = [])), responses((status = 200, body = HouseholdOut)))]
#[post("/households/{id}/members")]
pub async fn add_household_member(ctx: Ctx, id: PathId<HouseholdId>, body: Body<MemberIn>) -> Result<Reply, Problem> {
    let MemberIn { person_id, relation, valid_from } = body.value;
    let today = day_in_china(ctx.now);
    let valid_from = valid_from.unwrap_or(today);
    if valid_from > today {
        return Err(Problem::field("/valid_from", "in-future"));
    }
    let member = HouseholdMember { person_id: person_id.into(), relation: relation.0, valid_from, valid_until: None };
    resource::transition::<HouseholdOut>(&ctx, &id.0, Action::Update, &body.content, async |tx, found| {
        ctx.named_alone::<Person>(tx, &member.person_id, "/person_id").await?;
        if tx.rows().households().elsewhere_from(member.person_id, member.valid_from, found.row.id).await? {
            return Err(Problem::field("/person_id", "duplicate"));
        }
        let outcome = found.row.join(member.clone(), ctx.now)?;
        tx.insert_household_member(outcome.value.id, &member).await?;
        Ok(outcome)
    })
    .await
}

/// End somebody's belonging to a household, as of today
#[utoipa::path(tag = "households", operation_id = "endHouseholdMember", params(("id" = Uuid, Path, description = "household id"), ("person_id" = Uuid, Path, description = "person id"), ("If-Match" = String, Header, description = "ETag of the version of the household that is changed")), security(("bearer" = [])), responses((status = 204)))]
#[delete("/households/{id}/members/{person_id}")]
pub async fn end_household_member(ctx: Ctx, ids: PathIds<HouseholdId, PersonId>) -> Result<Reply, Problem> {
    let PathIds(household, person) = ids;
    let access = ctx.authorize(Action::Update, ResourceKind::Household)?;
    ctx.write(&serde_json::Value::Null, async |tx| {
        let found = tx.rows().find_to_change::<Household>(&access, &household).await?.permitted(&access)?;
        ctx.require_version(found.row.version)?;
        let (outcome, member) =
            found.row.leave(person, day_in_china(ctx.now), ctx.now).ok_or_else(|| Problem::new("not-found"))?;
        tx.end_household_member(household, &member).await?;
        tx.update(outcome).await?;
        Ok(Reply::no_content())
    })
    .await
}

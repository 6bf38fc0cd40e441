//! Regions over time: another code, or becoming part of a neighbor.

use actix_web::post;
use chrono::NaiveDate;
use domain::{
    access::{Access, Action, ResourceKind, Word},
    cn::RegionCode,
    event::Datum,
    places::{Recode, Region, Succession, superfluous},
    resource::Resource as _,
};
use persistence::{CodeStanding, Tx};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use validator::Validate;

use super::regions::RegionOut;
use crate::{
    http::{Body, Ctx, PathId, Reply, WordOf, resource},
    problem::Problem,
};

/// The code that a region gets.
#[derive(Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schema(as = RegionRecode, example = json!({"code": "361003", "on": "2026-03-01"}))]
pub struct RecodeIn {
    /// The code, of the same level. No region has or had it.
    #[schema(min_length = 2, max_length = 15, pattern = "^[0-9]+$")]
    code: String,
    /// Its name from then on; as before if it is not said.
    #[schema(min_length = 1, max_length = 50, pattern = r"\S")]
    name: Option<String>,
    /// Whether the code is a local one; a standard one if it is not said.
    local: Option<bool>,
    /// First day of the code, today or before.
    on: NaiveDate,
}

/// What becomes of the grants at a region that becomes part of another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MergedGrants {
    /// Who had a role there has it in the whole.
    Union,
    /// They end.
    End,
}

impl Word for MergedGrants {
    const NAME: &'static str = "MergedGrants";
    const ALL: &'static [Self] = &[Self::Union, Self::End];

    fn name(self) -> &'static str {
        match self {
            Self::Union => "union",
            Self::End => "end",
        }
    }
}

type MergedGrantsIo = WordOf<MergedGrants>;

/// Of which region another one becomes a part.
#[derive(Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schema(as = RegionMerge, example = json!({"into": "360502002002", "on": "2026-03-01", "grants": "union"}))]
pub struct MergeIn {
    /// The code of the other region, of the same level.
    #[schema(min_length = 2, max_length = 15, pattern = "^[0-9]+$")]
    into: String,
    /// The first day on which there is only the other one, today or before.
    on: NaiveDate,
    /// What becomes of the grants at the region and below it. `union`, also if it is not said: they hold in the other one;
    /// `end`: they are taken back. Those at compounds, organizations and schools go with their places in any case.
    grants: Option<MergedGrantsIo>,
}

/// Give a region another code
///
/// All that lies in it, and all regions below it, gets the new beginning; the old code stays, with the code that came after
/// it. The caller must have signed in within the last ten minutes.
#[utoipa::path(tag = "regions", operation_id = "recodeRegion", params(("code" = String, Path, description = "region code")), request_body = RecodeIn, security(("bearer" = [])), responses((status = 200, body = RegionOut)))]
#[post("/regions/{code}/recode")]
pub async fn recode_region(ctx: Ctx, code: PathId<RegionCode>, body: Body<RecodeIn>) -> Result<Reply, Problem> {
    let access = ctx.authorize(Action::Recode, ResourceKind::Region)?;
    let reply = ctx
        .write(&body.content, async |tx| {
            to_change(&ctx, tx, &access, &code.0).await?;
            let RecodeIn { code: new, name, local, on } = &body.value;
            let new = other(&access, new, "/code")?;
            if let Some(code) = tx.rows().regions().successor_above(&new).await? {
                return Err(Problem::superseded("/code", &code));
            }
            let (region, below) = locked(&ctx, tx, &code.0, None).await?;
            let parent = tx.rows().regions().parent_of(&new).await?;
            let name = name.as_ref().map(|name| name.trim().to_owned());
            let recode = Recode { code: new.clone(), name, local: local.unwrap_or(false), on: *on };
            let succession = region.recode(below, parent, recode, ctx.now)?;
            succeed(tx, succession, "/code").await?;
            shown(&ctx, tx, &new).await
        })
        .await?;
    ctx.app.forget_callers();
    ctx.app.forget_successors();
    Ok(reply)
}

/// Make a region a part of another one
///
/// All that lies in it moves, and the regions below it keep the ends of their codes. Where a code is taken, nothing is
/// done: that one gets another code first. The caller must have signed in within the last ten minutes.
#[utoipa::path(tag = "regions", operation_id = "mergeRegion", params(("code" = String, Path, description = "region code")), request_body = MergeIn, security(("bearer" = [])), responses((status = 200, body = RegionOut)))]
#[post("/regions/{code}/merge")]
pub async fn merge_region(ctx: Ctx, code: PathId<RegionCode>, body: Body<MergeIn>) -> Result<Reply, Problem> {
    let access = ctx.authorize(Action::Merge, ResourceKind::Region)?;
    let reply = ctx
        .write(&body.content, async |tx| {
            to_change(&ctx, tx, &access, &code.0).await?;
            let MergeIn { into, on, grants } = &body.value;
            let into = other(&access, into, "/into")?;
            match tx.rows().regions().standing(&into).await? {
                CodeStanding::Unknown => return Err(Problem::field("/into", "not-found")),
                CodeStanding::SupersededBy(code) => return Err(Problem::superseded("/into", &code)),
                CodeStanding::Current => {}
            }
            let (region, below) = locked(&ctx, tx, &code.0, Some(&into)).await?;
            let succession = region.merge(below, &into, *on, ctx.now)?;
            let ends = grants.is_some_and(|grants| grants.0 == MergedGrants::End);
            if ends {
                for grant in tx.grants_within(&code.0).await? {
                    tx.update(grant.end_with_merger(ctx.now)).await?;
                }
            }
            succeed(tx, succession, "/into").await?;
            for grant in superfluous(&tx.grants_within(&into).await?) {
                tx.update(grant.end_with_merger(ctx.now)).await?;
            }
            let target = ctx.named::<Region, _>(tx.rows(), &into, "/into").await?.row;
            let event = target.event("region.enlarged").with("by", Datum::Region(code.0.clone()));
            let decided = if ends { MergedGrants::End } else { MergedGrants::Union };
            tx.record_look(event.with("grants", Datum::Word(decided.name())))?;
            resource::shown::<RegionOut>(&ctx, target)
        })
        .await?;
    ctx.app.forget_callers();
    ctx.app.forget_successors();
    Ok(reply)
}

/// A region in use that the caller may let end; only who has signed in lately may.
async fn to_change(ctx: &Ctx, tx: &Tx, access: &Access, code: &RegionCode) -> Result<(), Problem> {
    let region = tx.rows().find::<Region>(access, code).await?.permitted(access)?.row;
    ctx.require_recent_login()?;
    match region.successor_code {
        Some(successor) => Err(Problem::superseded("", &successor)),
        None => Ok(()),
    }
}

/// The other code, which lies within the caller's right too.
fn other(access: &Access, code: &str, pointer: &str) -> Result<RegionCode, Problem> {
    let code = RegionCode::parse(code).map_err(|error| Problem::field(pointer, error.code()))?;
    if access.permits_at(&code) { Ok(code) } else { Err(Problem::new("forbidden")) }
}

/// The region and those below it, kept from others, in the version that the caller means.
async fn locked(
    ctx: &Ctx,
    tx: &Tx,
    code: &RegionCode,
    other: Option<&RegionCode>,
) -> Result<(Region, Vec<Region>), Problem> {
    let (region, below) = tx.regions_to_move(code, other).await?;
    ctx.check_version(region.version)?;
    Ok((region, below))
}

async fn succeed(tx: &Tx, succession: Succession, pointer: &str) -> Result<(), Problem> {
    let clashes = tx.clashes(&succession).await?;
    if !clashes.is_empty() {
        let clashes: Vec<_> =
            clashes.iter().map(|clash| json!({"kind": clash.kind.name(), "code": clash.code})).collect();
        return Err(Problem::new("codes-clash").at(pointer, "duplicate").with("clashes", clashes));
    }
    Ok(tx.succeed(succession).await?)
}

async fn shown(ctx: &Ctx, tx: &Tx, code: &RegionCode) -> Result<Reply, Problem> {
    let region = ctx.named::<Region, _>(tx.rows(), code, "/code").await?.row;
    resource::shown::<RegionOut>(ctx, region)
}

//! What happens to orders: authorize, load, decide, save.

use chrono::Duration;
use domain::{
    access::{Action, Located, Reach, ResourceKind},
    cn::{PersonName, Phone, RegionCode, RegionLevel},
    compounds::{BuildingName, Compound},
    id::{CompoundId, ServiceOrderId},
    orders::{
        Caller, NewOrder, OrderEffect, Requester, ServiceOrder, Site, Target, Transition, Volunteer, VolunteerTeam,
        check_answers,
    },
    outcome::Outcome,
    people::Person,
    resource::Resource as _,
    time::{Instant, day_in_china, start_of_day_in_china},
};
use persistence::{Found, Notes, OrderLimit, Tx};
use serde_json::Value;
use uuid::Uuid;

use super::{
    dto::{OnBehalfIn, OrderOut, PlaceIn},
    edits,
};
use crate::{
    http::{Ctx, Reply, seen},
    problem::Problem,
};

/// Where an order is about to be placed.
pub struct Spot {
    /// The community or grid.
    pub region: RegionCode,
    /// The compound.
    pub compound: Option<CompoundId>,
}

impl Located for Spot {
    fn region(&self) -> Option<&RegionCode> {
        Some(&self.region)
    }

    fn compound(&self) -> Option<CompoundId> {
        self.compound
    }

    fn related(&self, reach: &Reach) -> bool {
        // a neighbor may order for the street that he shares with others, not for their compounds
        matches!(reach, Reach::Neighbor(scope) if self.compound.is_none() && scope.contains(&self.region))
    }
}

/// Places an order; `id` where the client made it.
pub async fn place(ctx: &Ctx, id: Option<ServiceOrderId>, input: PlaceIn, content: &Value) -> Result<Reply, Problem> {
    let access = ctx.authorize(Action::Create, ResourceKind::ServiceOrder)?;
    if !access.permits_some() {
        return Err(Problem::new("forbidden"));
    }
    only_together(&input)?;
    let digest = ctx.app.database.vault().digest("order", content.to_string().as_bytes());
    if let Some(id) = id
        && ctx.app.database.rows().orders(None).exists(id).await?
    {
        return edits::placed_before(ctx, id, digest, input).await;
    }
    if id.is_some_and(|id| id.0.get_version_num() != 7) {
        return Err(Problem::field("", "format"));
    }
    let (spot, site) = spot_of(ctx, &input).await?;
    if !access.permits_at(&spot) {
        return Err(Problem::new("forbidden"));
    }
    let kind = ctx.app.service_kind(&spot.region, &input.kind).await?;
    let kind = kind.ok_or_else(|| Problem::field("/kind", "not-found"))?;
    if !kind.active {
        return Err(Problem::field("/kind", "not-active"));
    }
    let answers = input.answers.unwrap_or_default().into_iter().map(|(key, answer)| (key, answer.into())).collect();
    let faults = check_answers(&kind.questions, &answers);
    if !faults.is_empty() {
        return Err(Problem::invalid(faults));
    }
    let may_place_for_others = {
        let access = ctx.authorize(Action::PlaceOnBehalf, ResourceKind::ServiceOrder)?;
        access.permits_at(&spot)
    };
    if input.on_behalf_of.is_some() && !may_place_for_others {
        return Err(Problem::new("forbidden"));
    }
    let county = spot.region.county().unwrap_or_else(|| spot.region.clone());
    let series = format!("{county}-{}", day_in_china(ctx.now).format("%Y%m%d"));
    let number = format!("{series}-{}", ctx.app.numbers.next(&ctx.app.database, ctx.stamp(), &series).await?);
    let on_behalf_of = input.on_behalf_of;
    let added = ctx.add(content, async |notes| {
        // where it got another code since it was looked up, the same request finds that
        notes.keep_region(&spot.region);
        if !may_place_for_others {
            limit(ctx, notes);
        }
        let on_behalf = on_behalf_of.is_some();
        let requester = match on_behalf_of {
            Some(whom) => requester_for(ctx, notes, whom, &spot).await?,
            None => own_requester(ctx).await?,
        };
        let new = NewOrder {
            id: id.unwrap_or_else(|| ctx.app.ids.next().into()),
            number,
            region_code: spot.region.clone(),
            kind: kind.code,
            description: input.description.trim().to_owned(),
            site,
            answers,
            wished_at: input.wished_at.map(|at| at.0),
            private: input.private.unwrap_or(true),
            requester,
            placed_by: ctx.actor.user_id,
            on_behalf,
            limits: kind.limits,
        };
        let placed = ServiceOrder::place(new, ctx.now, &ctx.calendar(&spot.region));
        let order = notes.insert_order(placed, digest)?;
        let read = ctx.authorize(Action::Read, ResourceKind::ServiceOrder)?;
        match read.grasp(&order) {
            Some(grasp) => Reply::created(ctx, "service-orders", &OrderOut::new(ctx, Found { row: order, grasp })),
            None => Ok(Reply::created(ctx, "service-orders", &OrderOut::bare(ctx, order))?.out_of_sight()),
        }
    });
    added.await.map_err(|refused| if refused.code() == "quota-exceeded" { for_today(ctx, refused) } else { refused })
}

/// Who places orders for himself places only so many in a day.
fn limit(ctx: &Ctx, notes: &Notes) {
    if let Some(most) = ctx.app.settings.orders_per_day {
        notes.limit_orders(OrderLimit { user: ctx.actor.user_id, since: today(ctx), most });
    }
}

/// When today began.
fn today(ctx: &Ctx) -> Instant {
    start_of_day_in_china(day_in_china(ctx.now))
}

fn for_today(ctx: &Ctx, refused: Problem) -> Problem {
    refused
        .with("violated-policies", serde_json::json!(["orders-per-day"]))
        .until(today(ctx) + Duration::days(1), ctx.now)
}

/// A compound has its own region and position.
fn only_together(input: &PlaceIn) -> Result<(), Problem> {
    for (given, pointer) in [(input.region_code.is_some(), "/region_code"), (input.point.is_some(), "/point")] {
        if given && input.compound_id.is_some() {
            return Err(Problem::field(pointer, "not-together"));
        }
    }
    Ok(())
}

async fn spot_of(ctx: &Ctx, input: &PlaceIn) -> Result<(Spot, Site), Problem> {
    let rows = ctx.app.database.rows();
    if let Some(id) = input.compound_id {
        let (compound_id, region, buildings) = compound_of(ctx, id.into(), input.building_id.is_some()).await?;
        let building = match input.building_id {
            Some(id) => {
                let found = buildings.iter().find(|building| building.id.0 == id);
                Some(found.ok_or_else(|| Problem::field("/building_id", "not-found"))?)
            }
            None => None,
        };
        let unit_id = match input.unit_id {
            Some(id) => {
                let found = building.and_then(|building| building.units.iter().find(|unit| unit.id.0 == id));
                Some(found.ok_or_else(|| Problem::field("/unit_id", "not-found"))?.id)
            }
            None => None,
        };
        let site = Site::Compound {
            compound_id,
            building_id: building.map(|building| building.id),
            unit_id,
            address: input.address.as_deref().map(|address| address.trim().to_owned()),
        };
        return Ok((Spot { region, compound: Some(compound_id) }, site));
    }
    let (Some(code), Some(address)) = (&input.region_code, &input.address) else {
        let missing = if input.region_code.is_some() { "/address" } else { "/compound_id" };
        return Err(Problem::field(missing, "required"));
    };
    let region = ctx.named_region(rows, code, RegionLevel::Community, "/region_code").await?;
    let site = Site::Address { address: address.trim().to_owned(), point: input.point.map(Into::into) };
    Ok((Spot { region, compound: None }, site))
}

/// A compound that a body names, where it lies and, if they are needed, its buildings.
pub(super) async fn compound_of(
    ctx: &Ctx,
    id: CompoundId,
    with_buildings: bool,
) -> Result<(CompoundId, RegionCode, Vec<BuildingName>), Problem> {
    const POINTER: &str = "/compound_id";
    let rows = ctx.app.database.rows();
    if with_buildings {
        let Compound { id, region_code, buildings, .. } = ctx.named::<Compound, _>(rows, &id, POINTER).await?.row;
        return Ok((id, region_code, buildings));
    }
    let unseen = || Problem::field(POINTER, "not-found");
    let access = ctx.authorize(Action::Read, ResourceKind::Compound).map_err(|_| unseen())?;
    let found = seen(rows.compounds().name(&access, id).await, unseen)?;
    Ok((found.id, found.region_code, Vec::new()))
}

async fn own_requester(ctx: &Ctx) -> Result<Requester, Problem> {
    let person = ctx.actor.person_id.ok_or_else(|| Problem::field("/on_behalf_of", "required"))?;
    let person = ctx.app.database.rows().persons().read_own(person).await?;
    Ok(requester(person, true))
}

fn requester(person: Person, has_account: bool) -> Requester {
    Requester { person_id: person.id, name: person.name, phone: person.phone, has_account }
}

/// The person for whom a worker places an order: one on record, one found by his telephone number, or a new one.
async fn requester_for(ctx: &Ctx, notes: &Notes, whom: OnBehalfIn, spot: &Spot) -> Result<Requester, Problem> {
    let rows = ctx.app.database.rows();
    let OnBehalfIn { person_id, name, phone } = whom;
    if let Some(id) = person_id {
        if name.is_some() || phone.is_some() {
            return Err(Problem::field("/on_behalf_of", "not-together"));
        }
        let found = ctx.named::<Person, _>(rows, &id.into(), "/on_behalf_of/person_id").await?;
        return Ok(requester(found.row, false));
    }
    let field = |member: &str, code| Problem::field(format!("/on_behalf_of/{member}"), code);
    let name = name.ok_or_else(|| field("name", "required"))?;
    let phone = phone.ok_or_else(|| field("phone", "required"))?;
    let name = PersonName::parse(&name).map_err(|error| field("name", error.code()))?;
    let phone = Phone::parse(&phone).map_err(|error| field("phone", error.code()))?;
    let community = spot.region.at(RegionLevel::Community).unwrap_or_else(|| spot.region.clone());
    if let Some(person) = rows.persons().by_phone(&community, &phone, name.as_str()).await? {
        return Ok(requester(person, false));
    }
    let person = Person {
        id: ctx.app.ids.next().into(),
        region_code: spot.region.clone(),
        compound_id: spot.compound,
        name: name.as_str().to_owned(),
        sex: None,
        birth_date: None,
        phone: Some(phone),
        id_number: None,
        address: None,
        political_status: None,
        tags: Vec::new(),
        version: 1,
        created_at: ctx.now,
        updated_at: ctx.now,
    };
    let event = person.event("person.created");
    Ok(requester(notes.insert_person(Outcome::new(person, event))?, false))
}

/// To whom an order is handed: whoever the caller sees, or serves the place of the order, as `candidates` tells.
pub async fn target(
    ctx: &Ctx,
    tx: &Tx,
    order: &ServiceOrder,
    volunteer: Option<Uuid>,
    team: Option<Uuid>,
) -> Result<Target, Problem> {
    if let Some(id) = volunteer {
        let seen = ctx.authorize(Action::Read, Volunteer::KIND).ok();
        let found = tx.rows().volunteers().to_serve(id.into(), &order.region_code, seen.as_ref()).await?;
        return found.map(Target::Volunteer).ok_or_else(|| Problem::field("/volunteer_id", "not-found"));
    }
    if let Some(id) = team {
        let seen = ctx.authorize(Action::Read, VolunteerTeam::KIND).ok();
        let found = tx.rows().teams().to_serve(id.into(), &order.region_code, seen.as_ref()).await?;
        return found.map(Target::Team).ok_or_else(|| Problem::field("/team_id", "not-found"));
    }
    Ok(Target::Open)
}

/// One transition: load within sight, check right and version, decide, save, answer.
pub async fn change(
    ctx: &Ctx,
    id: ServiceOrderId,
    transition: Transition,
    content: &Value,
    decide: impl AsyncFnOnce(&Tx, ServiceOrder, Caller<'_>) -> Result<Outcome<ServiceOrder, OrderEffect>, Problem>,
) -> Result<Reply, Problem> {
    let access = ctx.authorize(transition.action(), ResourceKind::ServiceOrder)?;
    ctx.write(content, async |tx| {
        let found = tx.rows().find_to_change::<ServiceOrder>(&access, &id).await?;
        let caller = Caller { actor: &ctx.actor, actions: found.grasp.actions, now: ctx.now };
        // right before version before state: who has nothing to do with it learns nothing of it
        found.row.check_right(transition, caller)?;
        ctx.check_version(found.row.version)?;
        let before = found.row.state.kind();
        let outcome = decide(tx, found.row, caller).await?;
        let order = tx.save_order(before, outcome).await?;
        shown(ctx, order)
    })
    .await
}

/// An order as the caller sees it after what he did.
pub fn shown(ctx: &Ctx, order: ServiceOrder) -> Result<Reply, Problem> {
    let access = ctx.authorize(Action::Read, ResourceKind::ServiceOrder)?;
    match access.grasp(&order) {
        Some(grasp) => Reply::ok(ctx, &OrderOut::new(ctx, Found { row: order, grasp })),
        None => Ok(Reply::ok(ctx, &OrderOut::bare(ctx, order))?.out_of_sight()),
    }
}

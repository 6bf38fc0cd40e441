//! Whom an event concerns.

use serde::{Deserialize, Serialize};

use crate::{
    access::{ResourceKind, words},
    clocks::Risen,
    cn::{RegionCode, RegionLevel},
    id::{PersonId, ServiceOrderId, UserId, VolunteerId, VolunteerTeamId},
    orders::OrderState,
};

words! {
    /// Those who answer for a region, by what they are there.
    Office {
        /// 社区工作者
        Community = "community",
        /// Officials of a township or street.
        Township = "township",
    }
}

/// Some people.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Audience {
    /// The one who has this account.
    User(UserId),
    /// A person, if he has an account.
    Person(PersonId),
    /// A volunteer.
    Volunteer(VolunteerId),
    /// The members of a team.
    Team(VolunteerTeamId),
    /// The one for whom an order is.
    Requester(ServiceOrderId),
    /// The volunteer who holds an order, or to whom it was handed.
    Hands(ServiceOrderId),
    /// Those who answer for a region, not for those above it.
    Office(Office, RegionCode),
}

/// What is told of an event: as much as says whom it concerns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// Its kind.
    pub kind: String,
    /// What it is about.
    pub subject_kind: ResourceKind,
    /// The id of that.
    pub subject_id: String,
    /// Where it belongs.
    pub region_code: Option<RegionCode>,
    /// Its data, as far as they name people.
    pub people: People,
}

/// People and states in the data of an event.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct People {
    user_id: Option<UserId>,
    person_id: Option<PersonId>,
    volunteer_id: Option<VolunteerId>,
    team_id: Option<VolunteerTeamId>,
    // a word of whatever kind of resource it is
    state: Option<String>,
    to: Option<String>,
}

/// Whom an event concerns; nobody, if it is not in the list.
#[must_use]
pub fn audiences(event: &Told) -> Vec<Audience> {
    let Told { kind, subject_kind, subject_id, region_code, people } = event;
    let order = || subject_id.parse().ok().filter(|_| *subject_kind == ResourceKind::ServiceOrder);
    let volunteer = || people.volunteer_id.map(Audience::Volunteer);
    let handed_to = || volunteer().or(people.team_id.map(Audience::Team));
    let office = |office: Office, level| {
        region_code.as_ref().and_then(|code| code.at(level)).map(|code| Audience::Office(office, code))
    };
    let dispatchers = || office(Office::Community, RegionLevel::Community);
    let told: [Option<Audience>; 2] = match kind.as_str() {
        "service_order.placed" | "service_order.extension_requested" => [dispatchers(), None],
        "service_order.dispatched"
        | "service_order.transferred"
        | "service_order.confirmed"
        | "service_order.cancelled" => [handed_to(), None],
        "service_order.accepted"
        | "service_order.claimed"
        | "service_order.held"
        | "service_order.completed"
        | "service_order.rejected"
        | "service_order.merged" => [order().map(Audience::Requester), None],
        "service_order.extended" => [order().map(Audience::Requester), volunteer()],
        "service_order.extension_refused" => [volunteer(), None],
        // a member of a team speaks for himself; once all have declined, it waits to be dispatched again
        "service_order.declined" => {
            [dispatchers().filter(|_| people.state.as_deref() == Some(OrderState::Placed.name())), None]
        }
        "service_order.reopened" | "service_order.warned" | "service_order.overdue" => {
            [handed_to().or_else(dispatchers), None]
        }
        "service_order.updated" => [order().map(Audience::Hands), None],
        "service_order.risen" if people.to.as_deref() == Some(Risen::Township.name()) => {
            [office(Office::Township, RegionLevel::Township), None]
        }
        "service_order.risen" => [dispatchers(), None],
        "grant.created" | "grant.approved" | "grant.revoked" => [people.user_id.map(Audience::User), None],
        "volunteer.approved" | "volunteer.refused" => [subject_id.parse().ok().map(Audience::Volunteer), None],
        "user.password_reset" => [subject_id.parse().ok().map(Audience::User), None],
        "appointment.created" | "appointment.ended" | "appointment.handed_over" | "appointment.term_ending" => {
            [people.person_id.map(Audience::Person), None]
        }
        _ => [None, None],
    };
    told.into_iter().flatten().collect()
}

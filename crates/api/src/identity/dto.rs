//! What identity endpoints take and give.

use domain::{
    access::{Actor, Grant, Role},
    people::Person,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;
use validator::Validate;

use crate::http::At;

/// User name and password.
#[derive(Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schema(as = Login, example = json!({"username": "worker", "password": "lianxin-demo"}))]
pub struct LoginIn {
    /// The name to sign in with.
    #[schema(min_length = 1, max_length = 100)]
    pub username: String,
    /// The password.
    #[schema(min_length = 1, max_length = 200, format = Password)]
    pub password: String,
    /// The one-time password of the second factor, or a recovery code; for accounts that have one.
    #[schema(min_length = 6, max_length = 30)]
    pub totp: Option<String>,
}

/// The password once more.
#[derive(Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schema(as = Reauthentication)]
pub struct ReauthenticateIn {
    /// The password.
    #[schema(min_length = 1, max_length = 200, format = Password)]
    pub password: String,
    /// The one-time password of the second factor, or a recovery code; for accounts that have one.
    #[schema(min_length = 6, max_length = 30)]
    pub totp: Option<String>,
}

/// A refresh token.
#[derive(Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schema(as = RefreshTokenBody)]
pub struct RefreshIn {
    /// As it was given last.
    #[schema(min_length = 1, max_length = 200)]
    pub refresh_token: String,
}

/// The first administrator of a new system.
#[derive(Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schema(as = FirstAdministrator)]
pub struct FirstAdministratorIn {
    /// The code that `lianxin admin first-administrator` printed.
    #[schema(min_length = 1, max_length = 200)]
    pub code: String,
    /// The name to sign in with.
    #[schema(min_length = 2, max_length = 50, pattern = "^[a-z0-9][a-z0-9._-]*$")]
    pub username: String,
    /// The password, 12 characters at least.
    #[schema(min_length = 12, max_length = 200, format = Password)]
    pub password: String,
    /// What others see.
    #[schema(min_length = 1, max_length = 50)]
    pub display_name: String,
}

/// Tokens (RFC 6749 §5.1).
#[derive(Serialize, ToSchema)]
#[schema(as = Tokens)]
pub struct TokensOut {
    /// For the `Authorization` header: `Bearer …`.
    pub access_token: String,
    /// For `POST /api/v1/auth/refresh`, once.
    pub refresh_token: String,
    /// `Bearer`
    pub token_type: &'static str,
    /// Seconds until the access token ends.
    pub expires_in: i64,
}

/// A role at a place, for a time.
#[derive(Serialize, ToSchema)]
#[schema(as = OwnGrant)]
pub struct OwnGrantOut {
    /// Its id.
    pub id: Uuid,
    /// The role.
    pub role: &'static str,
    /// The region that it reaches down from.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, value_type = Option<String>)]
    pub region_code: Option<String>,
    /// The organization.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub organization_id: Option<Uuid>,
    /// The compound.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub compound_id: Option<Uuid>,
    /// The school.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub school_id: Option<Uuid>,
    /// Since when.
    pub valid_from: At,
    /// Until before when.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub valid_until: Option<At>,
}

/// The caller himself.
#[derive(Serialize, ToSchema)]
#[schema(as = Me)]
pub struct MeOut {
    /// The user.
    pub id: Uuid,
    /// The person behind the account.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub person_id: Option<Uuid>,
    /// The name to sign in with.
    pub username: String,
    /// What others see.
    pub display_name: String,
    /// The person's name in full.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub name: Option<String>,
    /// The person's telephone number in full (E.164).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub phone: Option<String>,
    /// His row as a volunteer.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub volunteer_id: Option<Uuid>,
    /// Whether he is asked for a second factor when he signs in.
    pub second_factor: bool,
    /// What he may be, now.
    pub grants: Vec<OwnGrantOut>,
}

impl From<&Grant> for OwnGrantOut {
    fn from(grant: &Grant) -> Self {
        let (organization_id, compound_id, school_id) = grant.place.ids();
        Self {
            id: grant.id.0,
            role: Role::name(grant.role),
            region_code: grant.place.region().map(ToString::to_string),
            organization_id: organization_id.map(Into::into),
            compound_id: compound_id.map(Into::into),
            school_id: school_id.map(Into::into),
            valid_from: grant.validity.from.into(),
            valid_until: grant.validity.until.map(Into::into),
        }
    }
}

impl MeOut {
    /// The caller as he stands now.
    pub fn new(actor: &Actor, username: String, person: Option<Person>, now: domain::time::Instant) -> Self {
        Self {
            id: actor.user_id.0,
            person_id: actor.person_id.map(Into::into),
            username,
            display_name: actor.display_name.clone(),
            phone: person.as_ref().and_then(|person| person.phone.as_ref()).map(|phone| phone.e164().to_owned()),
            name: person.map(|person| person.name),
            volunteer_id: actor.volunteer.as_ref().map(|volunteer| volunteer.id.0),
            second_factor: actor.proof.as_ref().is_some_and(|proof| proof.has_second_factor),
            grants: actor.grants_at(now).map(Into::into).collect(),
        }
    }
}

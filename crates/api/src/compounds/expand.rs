//! `expand=compound`: what lies in a compound is shown with its name, so that a screen needs no second request.

use std::collections::HashMap;

use domain::{
    access::{Action, Word},
    compounds::Compound,
    id::CompoundId,
    resource::Resource as _,
};
use persistence::CompoundName;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::{
    http::{Ctx, OneOf},
    problem::Problem,
};

/// What can be shown beside its id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Expandable {
    /// The compound.
    Compound,
}

impl Word for Expandable {
    const NAME: &'static str = "Expandable";
    const ALL: &'static [Self] = &[Self::Compound];

    fn name(self) -> &'static str {
        match self {
            Self::Compound => "compound",
        }
    }
}

/// What is to be shown beside its id, one level deep.
pub type Expand = OneOf<Expandable>;

/// Parameters of reading one resource.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ExpandIn {
    /// What is to be shown beside its id.
    #[serde(default)]
    #[param(inline)]
    pub expand: Expand,
}

/// A compound 小区 by name.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = CompoundName)]
pub struct CompoundNameOut {
    /// Its id.
    id: Uuid,
    /// The community or grid in which it lies.
    region_code: String,
    /// Its code within the community.
    code: String,
    /// Its name.
    name: String,
}

impl From<CompoundName> for CompoundNameOut {
    fn from(compound: CompoundName) -> Self {
        let CompoundName { id, region_code, code, name } = compound;
        Self { id: id.0, region_code: region_code.to_string(), code, name }
    }
}

/// A resource that lies in a compound, as it is shown.
pub trait InCompound {
    /// The id of the compound, where it is shown.
    fn compound_id(&self) -> Option<CompoundId>;

    /// Shows the compound with it.
    fn show_compound(&mut self, compound: CompoundNameOut);
}

impl Expand {
    /// Shows what is asked for with each of these, as far as the caller sees it. One statement, whatever their number.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn on(&self, ctx: &Ctx, shown: &mut [impl InCompound]) -> Result<(), Problem> {
        let ids: Vec<CompoundId> = shown.iter().filter_map(InCompound::compound_id).collect();
        if self.0.is_empty() || ids.is_empty() {
            return Ok(());
        }
        // who has nothing to do with compounds is shown none
        let Ok(access) = ctx.authorize(Action::Read, Compound::KIND) else { return Ok(()) };
        let names = ctx.app.database.rows().compounds().names(&access, &ids).await?;
        let names: HashMap<CompoundId, CompoundName> = names.into_iter().map(|name| (name.id, name)).collect();
        for one in shown {
            if let Some(name) = one.compound_id().and_then(|id| names.get(&id)) {
                one.show_compound(name.clone().into());
            }
        }
        Ok(())
    }
}

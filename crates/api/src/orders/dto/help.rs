//! What helps before an order is placed and before it is dispatched.

use domain::orders::{ServiceOrder, Site};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;
use validator::Validate;

use crate::http::At;

/// What an order about to be placed resembles.
#[derive(Debug, Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schema(as = SimilarQuery, example = json!({"kind": "corridor_lamp", "region_code": "360502002001"}))]
pub struct SimilarIn {
    /// Code of its kind.
    #[schema(min_length = 1, max_length = 50)]
    pub kind: String,
    /// The compound.
    pub compound_id: Option<Uuid>,
    /// The community, where it is not in a compound.
    #[schema(min_length = 1, max_length = 15)]
    pub region_code: Option<String>,
}

/// A similar order: no more than it takes to recognize it.
#[derive(Serialize, ToSchema)]
#[schema(as = SimilarOrder)]
pub struct SimilarOut {
    /// Its id.
    pub id: Uuid,
    /// Code of its kind.
    pub kind: String,
    /// Where it stands.
    pub state: &'static str,
    /// The community or grid.
    pub region_code: String,
    /// The compound.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub compound_id: Option<Uuid>,
    /// The building.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub building_id: Option<Uuid>,
    /// How many joined.
    pub joined_count: i64,
    /// When it was placed.
    pub created_at: At,
}

/// Similar orders, the newest first.
#[derive(Serialize, ToSchema)]
#[schema(as = SimilarOrders)]
pub struct SimilarListOut {
    /// At most ten.
    pub items: Vec<SimilarOut>,
}

/// A volunteer who suits an order.
#[derive(Serialize, ToSchema)]
#[schema(as = Candidate)]
pub struct CandidateOut {
    /// His row.
    pub volunteer_id: Uuid,
    /// His name.
    pub display_name: String,
    /// His service area.
    pub region_code: String,
    /// Whether he can do what it takes.
    pub skilled: bool,
    /// Steps in the tree of regions, 0 where his area holds the order.
    pub distance: i64,
    /// Orders that he holds now.
    pub open_orders: i64,
    /// The mean of residents' answers, 1 to 5.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub satisfaction: Option<f64>,
}

/// Volunteers who suit an order, the best first.
#[derive(Serialize, ToSchema)]
#[schema(as = Candidates)]
pub struct CandidateListOut {
    /// At most twenty.
    pub items: Vec<CandidateOut>,
}

impl From<ServiceOrder> for SimilarOut {
    fn from(order: ServiceOrder) -> Self {
        let (compound_id, building_id) = match &order.site {
            Site::Compound { compound_id, building_id, .. } => (Some(compound_id.0), building_id.map(Uuid::from)),
            Site::Address { .. } => (None, None),
        };
        Self {
            id: order.id.0,
            kind: order.kind,
            state: order.state.name(),
            region_code: order.region_code.to_string(),
            compound_id,
            building_id,
            joined_count: order.joined_count,
            created_at: order.created_at.into(),
        }
    }
}

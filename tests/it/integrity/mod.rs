//! What is written is written once and whole, by one of many, and nobody changes it past the service.

mod adding;
mod contention;
mod cuts;
mod failure;
mod kill;
mod repetition;
mod tampering;

use harness::server::User;
use serde_json::json;

/// The id of an order that a resident of 福园小区 places.
async fn placed(resident: &User<'_>) -> String {
    let compound = resident.compound("福园小区").await;
    let order = json!({"kind": "tap", "description": "厨房水龙头漏水", "compound_id": compound});
    let answer = resident.post("/service-orders", order).await;
    assert_eq!(answer.status, 201, "{:?}", answer.body);
    answer.text("/id").to_owned()
}

//! Lists walked page by page while others write.

use std::collections::BTreeSet;

use harness::{
    client::Answer,
    database::Backend::{self, Postgres, Sqlite},
    server::{Server, User},
};
use rstest::rstest;
use serde_json::json;

async fn place(worker: &User<'_>, description: &str) -> String {
    let order = json!({
        "kind": "tap", "description": description, "region_code": "360502002001", "address": "桂花巷 3 号",
    });
    let placed = worker.post("/service-orders", order).await;
    assert_eq!(placed.status, 201, "{:?}", placed.body);
    placed.text("/id").to_owned()
}

async fn reject(worker: &User<'_>, id: &str) {
    let answer = worker.post(&format!("/service-orders/{id}/reject"), json!({"reason": "重复"})).await;
    assert_eq!(answer.status, 200, "{:?}", answer.body);
}

fn ids(page: &Answer) -> Vec<String> {
    page.body["items"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect()
}

/// Where the next page is, the same in the body and in the header.
fn next(server: &Server, page: &Answer) -> Option<String> {
    let next = page.body["page"]["next"].as_str();
    let link = next.map(|next| format!("<{next}>; rel=\"next\""));
    assert_eq!(page.header("link"), link.as_deref());
    let public = format!("{}/api/v1", server.url);
    next.map(|next| next.strip_prefix(&public).unwrap_or_else(|| panic!("{next} is not under {public}")).to_owned())
}

#[rstest]
#[actix_web::test]
async fn a_walk_meets_each_row_that_stays_once(
    #[values(Sqlite, Postgres)] backend: Backend,
    #[values("-created_at", "created_at", "-updated_at", "updated_at")] sort: &str,
) {
    let server = Server::start(backend).await;
    let worker = server.sign_in("worker").await;
    let mut stay = BTreeSet::new();
    let mut goers = Vec::new();
    for n in 0..12 {
        // some of them at the very same time
        if n % 3 == 0 {
            server.advance(chrono::TimeDelta::seconds(1));
        }
        stay.insert(place(&worker, &format!("留{n}")).await);
        goers.push(place(&worker, &format!("走{n}")).await);
    }
    let mut path = format!("/service-orders?state=placed&sort={sort}&limit=2");
    let (mut met, mut pages) = (Vec::new(), 0);
    loop {
        let page = worker.get(&path).await;
        assert_eq!(page.status, 200, "{:?}", page.body);
        let items = ids(&page);
        assert!(items.len() <= 2);
        met.extend(items.iter().cloned());
        pages += 1;
        let Some(following) = next(&server, &page) else { break };
        path = following;
        // between pages one comes and one goes: the last one that was shown, if it may
        server.advance(chrono::TimeDelta::milliseconds(5));
        if pages < 12 {
            place(&worker, &format!("来{pages}")).await;
            let last = items.iter().find(|id| goers.contains(id)).cloned().or_else(|| goers.pop());
            if let Some(last) = last {
                goers.retain(|id| *id != last);
                reject(&worker, &last).await;
            }
        }
        assert!(pages < 100, "the walk does not end");
    }
    let once: BTreeSet<_> = met.iter().cloned().collect();
    assert_eq!(once.len(), met.len(), "{met:?}");
    let missed: Vec<_> = stay.difference(&once).collect();
    assert!(missed.is_empty(), "{missed:?}");
}

#[rstest]
#[actix_web::test]
async fn a_cursor_is_good_for_its_list_and_its_caller_only(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let worker = server.sign_in("worker").await;
    let page = worker.get("/service-orders?limit=2&sort=created_at").await;
    let following = next(&server, &page).unwrap();
    let cursor = following.split_once("cursor=").unwrap().1.to_owned();
    let refused = async |user: &User<'_>, path: String| {
        let answer = user.get(&path).await;
        assert_eq!((answer.status, answer.text("/code")), (400, "invalid-cursor"), "{path}: {:?}", answer.body);
    };
    for more in ["state=placed", "sort=-created_at", "sort=updated_at", "region=360502", "q=a", "count=exact"] {
        refused(&worker, format!("/service-orders?cursor={cursor}&{more}")).await;
    }
    refused(&worker, format!("/service-kinds?cursor={cursor}")).await;
    refused(&server.sign_in("resident").await, format!("/service-orders?cursor={cursor}")).await;
    for cut in [&cursor[1..], &cursor[..cursor.len() - 1], cursor.split('.').next().unwrap(), "."] {
        refused(&worker, format!("/service-orders?cursor={cut}")).await;
    }
    for place in 0..cursor.len() {
        let mut bytes = cursor.clone().into_bytes();
        // one bit, in each character; what that makes of it is sent as it is
        bytes[place] ^= 1;
        let coded: String = url::form_urlencoded::byte_serialize(&bytes).collect();
        refused(&worker, format!("/service-orders?cursor={coded}")).await;
    }
    // as it was given, with the same beside it, with another length of the page
    let whole = worker.get(&following).await;
    assert_eq!(whole.status, 200);
    assert_eq!(ids(&worker.get(&format!("/service-orders?cursor={cursor}&sort=created_at")).await), ids(&whole));
    assert_eq!(ids(&worker.get(&format!("/service-orders?cursor={cursor}&limit=1")).await), ids(&whole)[..1]);
}

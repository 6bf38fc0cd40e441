//! The connection is cut somewhere in a request or its answer, and the client tries again with the same key.

use harness::{
    chance::{Chance, rounds},
    client::{Answer, Client, User},
    database::Backend::{self, Postgres, Sqlite},
    proxy::{Direction, Proxy},
    server::Server,
};
use rstest::rstest;
use serde_json::{Value, json};
use uuid::Uuid;

async fn place(user: &User<'_>, key: &str, compound: &str) -> Option<Answer> {
    let order: Value = json!({"kind": "tap", "description": key, "compound_id": compound});
    user.attempt("POST", "/service-orders", &[("idempotency-key", key)], Some(&order)).await.ok()
}

/// Five hundred cuts: `just cut`.
#[rstest]
#[actix_web::test]
async fn each_order_is_placed_once(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let proxy = Proxy::to(server.url.trim_start_matches("http://"));
    let client = Client::new(format!("http://{}", proxy.address()));
    let resident = server.sign_in("resident").await;
    let compound = resident.compound("福园小区").await;
    let resident = resident.at(&client);
    // all requests are as long as this one, and no answer is shorter
    let whole = place(&resident, "cut-all", &compound).await.unwrap();
    assert_eq!(whole.status, 201, "{:?}", whole.body);
    let (request, answer) = proxy.passed();
    let mut placed = vec![("cut-all".to_owned(), whole.text("/id").parse::<Uuid>().unwrap())];

    let mut chance = Chance::new(4);
    for cut in 0..rounds("LIANXIN_TEST_CUTS", 40) {
        let (direction, length) = [(Direction::There, request), (Direction::Back, answer)][usize::from(cut % 2 == 1)];
        let at = chance.below(length);
        let key = format!("cut-{cut:03}");
        let what = format!("cut {cut}: {direction:?} after {at} of {length} bytes");
        proxy.cut_after(direction, at);
        let broken = place(&resident, &key, &compound).await;
        assert!(broken.is_none() && !proxy.will_cut(), "{what}: it was not cut: {broken:?}");
        let again = place(&resident, &key, &compound).await.unwrap_or_else(|| panic!("{what}: no answer"));
        assert_eq!(again.status, 201, "{what}: {:?}", again.body);
        // a request that did not arrive whole did nothing; an answer that left was true
        let was_done = again.header("idempotency-replayed").is_some();
        assert_eq!(was_done, direction == Direction::Back, "{what}");
        placed.push((key, again.text("/id").parse().unwrap()));
    }

    placed.sort();
    let ours = "service_orders WHERE description LIKE 'cut-%' ORDER BY description, id";
    let keys: Vec<String> = server.sql.all(&format!("SELECT description FROM {ours}"), []).await;
    let ids: Vec<Uuid> = server.sql.all(&format!("SELECT id FROM {ours}"), []).await;
    assert_eq!(keys.into_iter().zip(ids).collect::<Vec<_>>(), placed);
    let events = "events WHERE kind = 'service_order.placed' AND subject_id = $1";
    for (key, id) in &placed {
        assert_eq!(server.sql.count(events, [id.to_string().into()]).await, 1, "{key}");
    }
}

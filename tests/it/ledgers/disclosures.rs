//! What those see to whom the money belongs.

use harness::{
    database::Backend::{self, Postgres, Sqlite},
    server::Server,
};
use rstest::rstest;
use serde_json::{Value, json};

use super::{enter, entered, paid, sign};
use crate::hands::{self, ids, made, refusal};

#[rstest]
#[actix_web::test]
async fn owners_see_what_was_disclosed(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let [worker, street, resident] =
        [server.sign_in("worker").await, server.sign_in("street").await, server.sign_in("resident").await];
    let fuyuan = worker.compound("福园小区").await;
    let book = json!({"kind": "co_managed_account", "name": "福园小区共管账户", "compound_id": fuyuan});
    let book = format!("/ledgers/{}", made(&worker, "/ledgers", book).await);
    let disclose = format!("{book}/disclosures");
    let nothing = worker.post(&disclose, json!({})).await;
    assert_eq!(refusal(&nothing), (409, "nothing-to-disclose"));
    let income = entered(&worker, &book, json!({"amount": "1000", "category": "parking"})).await;
    let payment = paid(&worker, &book, "260.40").await;
    assert_eq!(sign(&street, &payment).await.status, 200);
    let waiting = paid(&worker, &book, "5").await;
    // nothing of it is shown yet
    assert_eq!(resident.get(&book).await.status, 200);
    assert!(ids(&resident, &format!("{book}/entries")).await.is_empty());
    assert_eq!(resident.get(&income).await.status, 404);
    assert_eq!(refusal(&resident.post(&disclose, json!({})).await), (403, "forbidden"));
    assert_eq!(enter(&resident, &book, json!({})).await.status, 403);
    let first = worker.post(&disclose, json!({})).await;
    assert_eq!(first.status, 201, "{:?}", first.body);
    let figures = ["opening_balance", "income", "payments", "closing_balance"].map(|name| first.body[name].clone());
    assert_eq!(figures, ["0.00", "1000.00", "260.40", "739.60"].map(Value::from));
    assert_eq!((&first.body["first_number"], &first.body["last_number"]), (&json!(1), &json!(2)));
    let path = first.header("location").unwrap().split_once("/api/v1").unwrap().1.to_owned();
    assert_eq!(resident.get(&path).await.body["closing_balance"], "739.60");
    assert_eq!(ids(&resident, &format!("{book}/entries")).await.len(), 2);
    let shown = resident.get(&payment).await;
    assert_eq!((shown.status, shown.text("/amount"), &shown.body["entered_by"]), (200, "260.40", &Value::Null));
    assert_eq!(resident.get(&waiting).await.status, 404);
    assert_eq!(resident.get(&format!("{waiting}/events")).await.status, 404);
    // the next one begins where this one ended
    assert_eq!(refusal(&worker.post(&disclose, json!({})).await), (409, "nothing-to-disclose"));
    assert_eq!(sign(&street, &waiting).await.status, 200);
    let second = street.post(&disclose, json!({})).await;
    assert_eq!((&second.body["first_number"], &second.body["last_number"]), (&json!(3), &json!(3)));
    assert_eq!((second.text("/opening_balance"), second.text("/closing_balance")), ("739.60", "734.60"));
    assert_eq!(ids(&resident, &disclose).await.len(), 2);
    // who lives elsewhere has nothing to do with it
    let committee = server.sign_in("committee").await;
    for path in [&book, &disclose, &income] {
        assert_eq!(committee.get(path).await.status, 404, "{path}");
    }
    let kinds = ["created", "entry_posted", "entry_posted", "disclosed", "entry_posted", "disclosed"];
    assert_eq!(hands::told(&worker, &book).await, kinds.map(|kind| format!("ledger.{kind}")));
}

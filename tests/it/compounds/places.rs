//! Where compounds are on the ground.

use harness::{
    database::Backend::{self, Postgres, Sqlite},
    server::Server,
};
use rstest::rstest;
use serde_json::{Value, json};

use super::compound;
use crate::hands::{change, fault, invalid};

fn point(longitude: f64, latitude: f64) -> Value {
    json!({"type": "Point", "coordinates": [longitude, latitude]})
}

fn area(corners: &[[f64; 2]]) -> Value {
    json!({"type": "Polygon", "coordinates": [corners]})
}

const SQUARE: [[f64; 2]; 5] =
    [[114.932, 27.803], [114.934, 27.803], [114.934, 27.805], [114.932, 27.805], [114.932, 27.803]];

#[rstest]
#[actix_web::test]
async fn a_border_is_an_area_with_the_position_in_it(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let worker = server.sign_in("worker").await;
    let placed = |position: Value, outline: Value| compound(json!({"position": position, "outline": outline}));
    let made = worker.post("/compounds", placed(point(114.933_100_4, 27.8043), area(&SQUARE))).await;
    assert_eq!(made.status, 201, "{:?}", made.body);
    assert_eq!(made.body["position"], point(114.9331, 27.8043));
    assert_eq!(made.body["outline"], area(&SQUARE));
    let bow = [[114.932, 27.803], [114.934, 27.805], [114.934, 27.803], [114.932, 27.805], [114.932, 27.803]];
    let open = [[114.932, 27.803], [114.934, 27.803], [114.934, 27.805], [114.932, 27.805]];
    for (outline, code) in [(bow.as_slice(), "not-an-area"), (open.as_slice(), "not-an-area")] {
        let refused = worker.post("/compounds", placed(Value::Null, area(outline))).await;
        assert_eq!(fault(&refused), invalid("/outline/coordinates", code));
    }
    for (position, pointer, code) in [
        (point(114.95, 27.8043), "/position", "contradicts-member"),
        (point(27.8043, 114.9331), "/position/coordinates", "implausible"),
        (point(200.0, 27.8), "/position/coordinates/0", "too-large"),
        (json!({"type": "Point", "coordinates": [114.9]}), "/position/coordinates", "too-short"),
        (json!({"type": "Point", "coordinates": [114.9, 27.8, 50.0]}), "/position/coordinates", "too-many"),
        (json!({"type": "Polygon", "coordinates": [114.9, 27.8]}), "/position/type", "not-found"),
    ] {
        let refused = worker.post("/compounds", placed(position, area(&SQUARE))).await;
        assert_eq!(fault(&refused), invalid(pointer, code));
    }
    assert_eq!(worker.get("/compounds?q=%E6%96%B0%E9%A3%8E&count=exact").await.body["page"]["total"], 1);
}

#[rstest]
#[actix_web::test]
async fn what_a_telephone_shows_is_put_where_it_is(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let worker = server.sign_in("worker").await;
    // 114.9331, 27.8043 as maps on telephones show it
    let shown = json!({"position": point(114.937_967, 27.800_861), "crs": "gcj02"});
    let made = worker.post("/compounds", compound(shown.clone())).await;
    let near = |value: &Value, degrees: f64| (value.as_f64().unwrap() - degrees).abs() < 2e-6;
    let at = |position: &Value, longitude, latitude| {
        near(&position["coordinates"][0], longitude) && near(&position["coordinates"][1], latitude)
    };
    assert!(at(&made.body["position"], 114.9331, 27.8043), "{:?}", made.body);
    assert_eq!(made.body["crs"], Value::Null);
    let path = format!("/compounds/{}", made.text("/id"));
    // what is not written anew stays where it is, whatever system is named
    let renamed = change(&worker, &path, 1, json!({"name": "新光小区", "crs": "gcj02"})).await;
    assert_eq!(renamed.body["position"], made.body["position"]);
    let moved = change(&worker, &path, 2, json!({"position": point(116.427_022, 39.902_446), "crs": "gcj02"})).await;
    assert!(at(&moved.body["position"], 116.420_79, 39.901_05), "{:?}", moved.body);
    for system in ["wgs84", "cgcs2000"] {
        let plain = json!({"code": system, "position": point(114.9331, 27.8043), "crs": system});
        let made = worker.post("/compounds", compound(plain)).await;
        assert_eq!(made.body["position"], point(114.9331, 27.8043), "{system}");
    }
    let refused = worker.post("/compounds", compound(json!({"code": "x", "crs": "bd09"}))).await;
    assert_eq!(fault(&refused), invalid("/crs", "not-found"));
}

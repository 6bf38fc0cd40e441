//! Every member of the document has a class, personal ones a purpose, and nothing is listed that is gone.

use std::collections::BTreeSet;

use serde_json::Value;
use toml::Table;

const INVENTORY: &str = include_str!("../../openapi/data-classes.toml");

/// Schema and member of each member of the document, with the class that is shown.
fn members() -> Vec<(String, String, Option<String>)> {
    let document = api::app::document("http://127.0.0.1:8080");
    let schemas = document["components"]["schemas"].as_object().unwrap().clone();
    let members = schemas.iter().flat_map(|(schema, definition)| {
        let properties = definition["properties"].as_object().cloned().unwrap_or_default();
        properties.into_iter().map(move |(name, member)| (schema.clone(), name, class(&member)))
    });
    members.collect()
}

fn class(member: &Value) -> Option<String> {
    member["x-data-class"].as_str().map(str::to_owned)
}

#[test]
fn every_member_has_a_class_and_nothing_is_listed_that_is_gone() {
    let inventory: Table = INVENTORY.parse().unwrap();
    let members = members();
    let unknown: Vec<_> = members.iter().filter(|(.., class)| class.is_none()).collect();
    assert!(unknown.is_empty(), "members without a class in openapi/data-classes.toml: {unknown:?}");
    let known: BTreeSet<(&str, &str)> =
        members.iter().map(|(schema, name, _)| (schema.as_str(), name.as_str())).collect();
    let names: BTreeSet<&str> = known.iter().map(|(_, name)| *name).collect();
    let mut gone: Vec<String> = Vec::new();
    for (schema, listed) in inventory["schema"].as_table().unwrap() {
        let listed =
            listed.as_table().unwrap().keys().filter(|name| !known.contains(&(schema.as_str(), name.as_str())));
        gone.extend(listed.map(|name| format!("{schema}.{name}")));
    }
    gone.extend(inventory["shared"].as_table().unwrap().keys().filter(|name| !names.contains(name.as_str())).cloned());
    assert!(gone.is_empty(), "listed and gone: {gone:?}");
}

#[test]
fn what_is_personal_says_why_it_is_kept() {
    let inventory: Table = INVENTORY.parse().unwrap();
    let kept = inventory["kept"].as_table().unwrap();
    for (name, kept) in kept {
        for member in ["purpose", "legal_basis", "retention"] {
            assert!(kept[member].as_str().is_some_and(|text| !text.is_empty()), "{name} has no {member}");
        }
    }
    let schemas = inventory["schema"].as_table().unwrap().values().chain([&inventory["shared"]]);
    for (name, said) in schemas.flat_map(|members| members.as_table().unwrap()) {
        let (class, why) = said.as_str().unwrap().split_once(' ').unwrap_or((said.as_str().unwrap(), ""));
        assert!(["K", "I", "P", "S", "X"].contains(&class), "{name}: {class}");
        let is_personal = ["P", "S"].contains(&class);
        assert_eq!(kept.contains_key(why), is_personal, "{name}: {class} {why}");
    }
}

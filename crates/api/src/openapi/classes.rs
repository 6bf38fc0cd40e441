//! The class of what each member holds, from the inventory of personal data beside the document.

use serde_json::Value;
use toml::Table;

/// The inventory.
const INVENTORY: &str = include_str!("../../../../openapi/data-classes.toml");

/// Shows the class of each member: public (K), internal (I), personal (P), sensitive (S) or secret (X).
pub fn mark(document: &mut Value) {
    let inventory: Table = INVENTORY.parse().unwrap_or_default();
    let schemas = document.pointer_mut("/components/schemas").and_then(Value::as_object_mut);
    for (schema, definition) in schemas.into_iter().flatten() {
        let members = definition.get_mut("properties").and_then(Value::as_object_mut);
        for (name, member) in members.into_iter().flatten() {
            if let (Some(class), Some(member)) = (class_of(&inventory, schema, name), member.as_object_mut()) {
                member.insert("x-data-class".to_owned(), class.into());
            }
        }
    }
}

/// The class of a member: as its schema says, otherwise as all schemas that have it.
fn class_of(inventory: &Table, schema: &str, name: &str) -> Option<String> {
    let own = inventory.get("schema").and_then(|schemas| schemas.get(schema)).and_then(|members| members.get(name));
    let said = own.or_else(|| inventory.get("shared").and_then(|members| members.get(name)))?;
    said.as_str()?.split(' ').next().map(str::to_owned)
}

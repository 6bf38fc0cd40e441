//! Says of every string that is taken that it holds no character that no text may contain. The code refuses those
//! everywhere ([`domain::text::first_forbidden`]); so that no type has to say it, it is added here.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

/// What no text may contain, as a class of a regular expression.
const FORBIDDEN: &str = r"\u0000-\u0008\u000b-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069";
/// White space that may stand in a text, but does not make one. `\s` says less in some implementations: it leaves out
/// the ideographic space.
const SPACE: &str = r"\u0009\u000a\u0020\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000\ufeff";
/// How a type says that there must be more than white space.
const NOT_BLANK: &str = r"\S";
/// How a type says that there must be one line.
const LINE: &str = r"^[^\n\t]+$";
/// What an address may not contain besides: it is one line, and bytes that are no UTF-8 end as U+FFFD.
const FORBIDDEN_IN_ADDRESS: &str = r"\u0009\u000a\ufffd";

/// Adds it to the request bodies and the parameters of the addresses of a document.
pub fn restrict(document: &mut Value) {
    let mut bodies = BTreeSet::new();
    for operation in operations(document) {
        if let Some(body) = operation.get_mut("requestBody") {
            restrict_schema(body, &mut bodies);
        }
        let parameters = operation.get_mut("parameters").and_then(Value::as_array_mut);
        let typed = |parameter: &&mut Value| parameter["in"] == "query" || parameter["in"] == "path";
        for parameter in parameters.into_iter().flatten().filter(typed) {
            if let Some(schema) = parameter.get_mut("schema").and_then(Value::as_object_mut) {
                restrict_string(schema, &format!("{FORBIDDEN}{FORBIDDEN_IN_ADDRESS}"));
            }
        }
    }
    // a body's schema leads to others
    let mut done = BTreeSet::new();
    while let Some(name) = bodies.pop_first() {
        if let Some(schema) = document.pointer_mut(&format!("/components/schemas/{name}"))
            && done.insert(name)
        {
            restrict_schema(schema, &mut bodies);
        }
        bodies.retain(|name| !done.contains(name));
    }
}

fn operations(document: &mut Value) -> impl Iterator<Item = &mut Map<String, Value>> {
    let paths = document.get_mut("paths").and_then(Value::as_object_mut).into_iter().flatten();
    let items = paths.filter_map(|(_, item)| item.as_object_mut()).flatten();
    items.filter_map(|(_, operation)| operation.as_object_mut())
}

/// Restricts the strings of a schema and notes to which components it refers.
fn restrict_schema(value: &mut Value, referred: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            if let Some(name) = members.get("$ref").and_then(Value::as_str) {
                referred.extend(name.strip_prefix("#/components/schemas/").map(str::to_owned));
            }
            restrict_string(members, FORBIDDEN);
            let parts =
                members.iter_mut().filter(|(name, _)| !matches!(name.as_str(), "example" | "examples" | "enum"));
            parts.for_each(|(_, part)| restrict_schema(part, referred));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| restrict_schema(item, referred)),
        _ => {}
    }
}

/// A string that a format, a list of values or a pattern of its own describes stays as it is.
fn restrict_string(schema: &mut Map<String, Value>, forbidden: &str) {
    let is_string = match schema.get("type") {
        Some(Value::Array(types)) => types.contains(&json!("string")),
        Some(name) => name == "string",
        None => false,
    };
    let is_free = schema.get("format").is_none_or(|format| format == "password");
    if !is_string || !is_free || schema.contains_key("enum") {
        return;
    }
    let pattern = match schema.get("pattern").and_then(Value::as_str) {
        None => format!("^[^{forbidden}]*$"),
        Some(NOT_BLANK) => format!(r"^[^{forbidden}]*[^{SPACE}{forbidden}][^{forbidden}]*$"),
        Some(LINE) => format!(r"^[^\n\t{forbidden}]*[^{SPACE}{forbidden}][^\n\t{forbidden}]*$"),
        Some(_) => return,
    };
    schema.insert("pattern".to_owned(), pattern.into());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepts(forbidden: &str, pattern: Option<&str>, text: &str) -> bool {
        let mut schema = json!({"type": ["string", "null"]});
        if let Some(pattern) = pattern {
            schema["pattern"] = pattern.into();
        }
        restrict_string(schema.as_object_mut().unwrap(), forbidden);
        jsonschema::draft202012::new(&schema).unwrap().is_valid(&json!(text))
    }

    #[test]
    fn the_pattern_is_what_the_code_refuses() {
        for c in ('\0'..='\u{FFFF}').filter(|c| c.is_control() || ('\u{2000}'..='\u{2100}').contains(c)) {
            let text = format!("厨房{c}");
            let allowed = domain::text::first_forbidden(&text).is_none();
            assert_eq!(accepts(FORBIDDEN, None, &text), allowed, "{c:?}");
            assert_eq!(accepts(FORBIDDEN, Some(NOT_BLANK), &text), allowed, "{c:?}");
            assert_eq!(accepts(FORBIDDEN, Some(LINE), &text), allowed && c != '\n' && c != '\t', "{c:?}");
        }
        let spaces: String = ('\0'..='\u{FFFF}').filter(|c| c.is_whitespace()).collect();
        let spaces: String =
            spaces.chars().filter(|c| domain::text::first_forbidden(&c.to_string()).is_none()).collect();
        assert!(!accepts(FORBIDDEN, Some(NOT_BLANK), &spaces));
        assert!(!accepts(FORBIDDEN, Some(LINE), "\u{3000}"));
        assert!(accepts(FORBIDDEN, None, &spaces));
        assert!(!accepts(&format!("{FORBIDDEN}{FORBIDDEN_IN_ADDRESS}"), None, "\n"));
    }

    #[test]
    fn bodies_and_all_they_refer_to_are_restricted() {
        let mut document = json!({
            "paths": {"/orders": {"post": {
                "parameters": [{"in": "query", "name": "q", "schema": {"type": "string"}}],
                "requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Order"}}}}
            }}},
            "components": {"schemas": {
                "Order": {"properties": {
                    "id": {"type": "string", "format": "uuid"},
                    "kind": {"type": "string", "enum": ["tap"]},
                    "code": {"type": "string", "pattern": "^[a-z]+$"},
                    "again": {"oneOf": [{"$ref": "#/components/schemas/Order"}, {"$ref": "#/components/schemas/Note"}]}
                }},
                "Note": {"type": "object", "additionalProperties": {"type": "string"}},
                "Answer": {"type": "string"}
            }}
        });
        restrict(&mut document);
        let pattern = |pointer: &str| document.pointer(pointer).unwrap().get("pattern").and_then(Value::as_str);
        let schemas = "/components/schemas";
        assert!(pattern("/paths/~1orders/post/parameters/0/schema").unwrap().contains("\\ufffd"));
        assert!(pattern(&format!("{schemas}/Note/additionalProperties")).is_some());
        assert_eq!(pattern(&format!("{schemas}/Order/properties/id")), None);
        assert_eq!(pattern(&format!("{schemas}/Order/properties/kind")), None);
        assert_eq!(pattern(&format!("{schemas}/Order/properties/code")), Some("^[a-z]+$"));
        assert_eq!(pattern(&format!("{schemas}/Answer")), None);
    }
}

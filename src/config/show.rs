//! The configuration in force as YAML, and the JSON Schema of the file; both come from the table.

use std::fmt::Write;

use serde_json::{Value as Json, json};

use super::file::{Node, Value};
use super::given::Given;
use super::table::{Form, settings};

/// The configuration in force, defaults included; reading it again gives the same configuration.
pub fn print(given: &Given) -> String {
    let mut text = String::new();
    let mut open: Vec<&str> = Vec::new();
    for (setting, node, written) in given.in_force() {
        let mut sections: Vec<&str> = setting.key.split('.').collect();
        let name = sections.pop().unwrap_or_default();
        let shared = open.iter().zip(&sections).take_while(|(a, b)| a == b).count();
        for (depth, section) in sections.iter().enumerate().skip(shared) {
            let _ = writeln!(text, "{}{section}:", "  ".repeat(depth));
        }
        let line = format!("{}{name}: {}", "  ".repeat(sections.len()), flow(&node));
        let origin = match (setting.form, written) {
            (_, true) => "",
            (Form::Unbuilt(_), _) => "# not built into this version",
            _ => "# default",
        };
        let _ = if origin.is_empty() { writeln!(text, "{line}") } else { writeln!(text, "{line:<48} {origin}") };
        open = sections;
    }
    text
}

/// A value on one line.
fn flow(node: &Node) -> String {
    match &node.value {
        Value::Null => "null".to_owned(),
        Value::Scalar(text) => scalar(text),
        Value::List(items) => format!("[{}]", items.iter().map(flow).collect::<Vec<_>>().join(", ")),
        Value::Map(entries) => {
            let entry = |entry: &super::file::Entry| format!("{}: {}", scalar(&entry.key), flow(&entry.node));
            format!("{{{}}}", entries.iter().map(entry).collect::<Vec<_>>().join(", "))
        }
    }
}

/// Plain when nothing in it can be misread, else quoted as JSON does it, which YAML takes too.
fn scalar(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "./_-".contains(c);
    let safe =
        text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '/') && text.chars().all(plain) && text != "null";
    if safe { text.to_owned() } else { Json::from(text).to_string() }
}

/// The JSON Schema (draft 2020-12) of the file, for editors.
pub fn schema() -> Json {
    let mut root = section();
    for setting in settings() {
        let mut form = form(setting.form);
        if let Some(form) = form.as_object_mut() {
            form.insert("description".to_owned(), Json::from(setting.help.as_ref()));
        }
        insert(&mut root, &setting.key, form);
    }
    if let Some(root) = root.as_object_mut() {
        root.insert("$schema".to_owned(), Json::from("https://json-schema.org/draft/2020-12/schema"));
        root.insert("title".to_owned(), Json::from("burdock.yaml"));
    }
    root
}

fn section() -> Json {
    json!({ "type": ["object", "null"], "additionalProperties": false, "properties": {} })
}

/// Puts `form` where the dotted path leads, sections made on the way.
fn insert(place: &mut Json, path: &str, form: Json) {
    let Some(properties) = place.get_mut("properties").and_then(Json::as_object_mut) else { return };
    match path.split_once('.') {
        Some((head, rest)) => insert(properties.entry(head).or_insert_with(section), rest, form),
        None => drop(properties.insert(path.to_owned(), form)),
    }
}

fn form(form: Form) -> Json {
    let list = |items: Json| json!({ "type": ["array", "string"], "items": items });
    match form {
        Form::Endpoints
        | Form::Addresses
        | Form::Networks
        | Form::NetworksOrDefault
        | Form::PathsOrBuiltin
        | Form::Domains => list(json!({ "type": "string" })),
        Form::NumberOrAuto => {
            json!({ "anyOf": [{ "const": "auto" }, { "type": "integer", "minimum": 1, "maximum": 1024 }] })
        }
        Form::Number => json!({ "type": "integer", "minimum": 1, "maximum": u32::MAX }),
        Form::Rate => json!({ "type": "integer", "minimum": 0, "maximum": super::value::MAX_RATE }),
        Form::Port => json!({ "type": "integer", "minimum": 1, "maximum": 65535 }),
        Form::Size => json!({ "type": "string", "pattern": "^[0-9]+ *(B|KiB|MiB|GiB|TiB)$" }),
        Form::Time => {
            json!({ "anyOf": [{ "const": 0 }, { "type": "string", "pattern": "^[0-9]+ *(ms|s|m|h|d|w)$|^0$" }] })
        }
        Form::Flag => json!({ "type": "boolean" }),
        Form::Word(words) => json!({ "enum": words.iter().map(|word| typed(word)).collect::<Vec<_>>() }),
        Form::PathOrBuiltin | Form::PathOrWord(_) => json!({ "type": "string" }),
        Form::Exceptions => {
            let text = json!({ "type": "string" });
            let section = json!({
                "type": "object",
                "additionalProperties": false,
                "required": ["domain"],
                "properties": { "domain": text, "reason": text, "until": text },
            });
            list(json!({ "anyOf": [text, section] }))
        }
        Form::Forwards => json!({
            "type": "array",
            "items": {
                "type": "object",
                "additionalProperties": false,
                "required": ["zone", "to"],
                "properties": {
                    "zone": { "type": "string" },
                    "to": list(json!({ "type": "string" })),
                    "recursive": { "type": "boolean" },
                },
            },
        }),
        Form::Unbuilt(off) => json!({ "enum": off.iter().map(|word| typed(word)).collect::<Vec<_>>() }),
    }
}

/// A word as YAML takes it when it is not quoted.
fn typed(word: &str) -> Json {
    serde_json::from_str(word).unwrap_or_else(|_| Json::from(word))
}

//! YAML as a tree that keeps the place of every key and value; it knows nothing of what the keys mean.
//!
//! One document, no anchors, aliases, tags or merge keys: a configuration says everything once.

use saphyr_parser::{Event, Parser, ScalarStyle, Span};

use super::problem::{Complaint, Place};

/// A value and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Where it starts.
    pub place: Place,
    /// The value.
    pub value: Value,
}

/// A YAML value. Scalars stay text until somebody knows what they should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// Nothing: `key:`, `~` or `null`.
    Null,
    /// Text, quoted or not.
    Scalar(String),
    /// A sequence.
    List(Vec<Node>),
    /// A mapping, in the order it was written; keys may still repeat.
    Map(Vec<Entry>),
}

/// One key of a mapping.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The key.
    pub key: String,
    /// Where the key stands.
    pub place: Place,
    /// Its value.
    pub node: Node,
}

impl Node {
    /// What the value is, in words.
    pub const fn what(&self) -> &'static str {
        match self.value {
            Value::Null => "nothing",
            Value::Scalar(_) => "a single value",
            Value::List(_) => "a list",
            Value::Map(_) => "a section",
        }
    }
}

/// Reads `text`. An empty file is [`Value::Null`].
///
/// # Errors
/// Where and why it is no YAML, or YAML that a configuration must not use.
pub fn read(text: &str) -> Result<Node, (Place, Complaint)> {
    if let Some(place) = tab_in_indentation(text) {
        return Err((
            place,
            Complaint::new("a tab is used for indentation", "use spaces: YAML does not take tabs there"),
        ));
    }
    let mut tree = Tree { open: Vec::new(), root: None };
    for step in Parser::new_from_str(text) {
        let (event, span) = step.map_err(|error| {
            let place = Place { line: error.marker().line(), column: error.marker().col() + 1 };
            (place, Complaint::new(format!("this is not YAML: {}", error.info()), INDENT))
        })?;
        let place = start_of(span);
        tree.check(&event).map_err(|complaint| (place, complaint))?;
        tree.take(event, place)?;
    }
    Ok(tree.root.unwrap_or(Node { place: Place { line: 1, column: 1 }, value: Value::Null }))
}

/// The parser would complain at the value before it.
fn tab_in_indentation(text: &str) -> Option<Place> {
    let tab_at =
        |line: &str| line.find(|c| c != ' ').filter(|at| line.get(*at..).is_some_and(|rest| rest.starts_with('\t')));
    let used = |line: &str| !line.trim().is_empty() && !line.trim_start().starts_with('#');
    let found = text.lines().enumerate().find_map(|(i, line)| Some((i, tab_at(line).filter(|_| used(line))?)));
    found.map(|(i, at)| Place { line: i + 1, column: at + 1 })
}

/// Lists and mappings that are not closed yet, the innermost last.
struct Tree {
    open: Vec<Open>,
    root: Option<Node>,
}

struct Open {
    place: Place,
    value: Value,
    /// The key that waits for its value, in a mapping.
    key: Option<(String, Place)>,
}

impl Tree {
    /// Refuses what a configuration must not use.
    fn check(&self, event: &Event<'_>) -> Result<(), Complaint> {
        match event {
            Event::Scalar(_, _, 0, None) => Ok(()),
            Event::SequenceStart(0, None) | Event::MappingStart(0, None) if self.open.len() < MAX_DEPTH => Ok(()),
            Event::SequenceStart(0, None) | Event::MappingStart(0, None) => {
                Err(Complaint::new("lists and sections are nested too deeply", "no key needs more than three levels"))
            }
            // They would let a value mean something else than what is written.
            Event::Scalar(..) | Event::SequenceStart(..) | Event::MappingStart(..) | Event::Alias(_) => {
                Err(Complaint::new(
                    "anchors (`&`), aliases (`*`) and tags (`!`) are not used in this file",
                    "write the value out, in quotes when it starts with one of these signs",
                ))
            }
            Event::DocumentStart(_) if self.root.is_some() => Err(Complaint::new(
                "a second document starts here",
                "keep everything in one document: remove the `---`",
            )),
            _ => Ok(()),
        }
    }

    fn take(&mut self, event: Event<'_>, place: Place) -> Result<(), (Place, Complaint)> {
        match event {
            Event::Scalar(text, style, ..) => {
                let null = style == ScalarStyle::Plain && matches!(&*text, "" | "~" | "null");
                let value = if null { Value::Null } else { Value::Scalar(text.into_owned()) };
                return self.put(Node { place, value });
            }
            Event::SequenceStart(..) => self.open.push(Open { place, value: Value::List(Vec::new()), key: None }),
            Event::MappingStart(..) => self.open.push(Open { place, value: Value::Map(Vec::new()), key: None }),
            Event::SequenceEnd | Event::MappingEnd => {
                if let Some(Open { place, value, .. }) = self.open.pop() {
                    return self.put(Node { place, value });
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Puts a finished node where it belongs.
    fn put(&mut self, node: Node) -> Result<(), (Place, Complaint)> {
        let Some(parent) = self.open.last_mut() else {
            self.root = Some(node);
            return Ok(());
        };
        match (&mut parent.value, parent.key.take(), node.value) {
            (Value::Map(entries), Some((key, place)), value) => {
                entries.push(Entry { key, place, node: Node { place: node.place, value } });
            }
            (Value::Map(_), None, Value::Scalar(key)) => parent.key = Some((key, node.place)),
            (Value::Map(_), None, _) => {
                let remedy = "write `key: value`; quote a value that starts with `[`, `{`, `*` or `&`";
                return Err((node.place, Complaint::new("a key must be a plain word", remedy)));
            }
            (Value::List(items), _, value) => items.push(Node { place: node.place, value }),
            (Value::Null | Value::Scalar(_), ..) => {}
        }
        Ok(())
    }
}

/// Columns of the parser start at 0.
fn start_of(span: Span) -> Place {
    Place { line: span.start.line(), column: span.start.col() + 1 }
}

const MAX_DEPTH: usize = 8;
const INDENT: &str = "check indentation (spaces, never tabs), colons and quotes at this place; IPv6 addresses and values with `: ` or `#` need quotes";

#[cfg(test)]
mod tests {
    use super::*;

    fn show(node: &Node) -> String {
        let Place { line, column } = node.place;
        let inner = match &node.value {
            Value::Null => "-".to_owned(),
            Value::Scalar(text) => text.clone(),
            Value::List(items) => format!("[{}]", items.iter().map(show).collect::<Vec<_>>().join(" ")),
            Value::Map(entries) => {
                let entry = |e: &Entry| format!("{}@{}:{}={}", e.key, e.place.line, e.place.column, show(&e.node));
                format!("{{{}}}", entries.iter().map(entry).collect::<Vec<_>>().join(" "))
            }
        };
        format!("{inner}@{line}:{column}")
    }

    #[test]
    fn every_key_and_value_keeps_its_place() {
        let text = "# top\na: [1, \"::1\"]\nb:\n  c: ~\n  d:   x\n  e:\n    - y\n    - {f: 'null'}\n";
        let expected = "{a@2:1=[1@2:5 ::1@2:8]@2:4 b@3:1={c@4:3=-@4:6 d@5:3=x@5:8 \
                        e@6:3=[y@7:7 {f@8:8=null@8:11}@8:7]@7:5}@4:3}@2:1";
        assert_eq!(show(&read(text).unwrap()), expected);
    }

    #[test]
    fn an_empty_file_is_nothing() {
        for text in ["", "\n", "# only a comment\n", "---\n"] {
            assert_eq!(read(text).unwrap().value, Value::Null, "{text:?}");
        }
    }

    #[test]
    fn what_is_no_plain_yaml_is_refused_where_it_stands() {
        for (text, line, column) in [
            ("a: 1\nb: [1, 2\nc: 3\n", 3, 2),
            ("a: 1\n\tb: 2\n", 2, 1),
            ("a: &x 1\nb: *x\n", 1, 4),
            ("a: *x\n", 1, 4),
            ("a: !!str 1\n", 1, 4),
            ("a: 1\n---\nb: 2\n", 2, 1),
            ("a: 1\n[1, 2]: 2\n", 2, 1),
            ("[[[[[[[[[1]]]]]]]]]\n", 1, 9),
        ] {
            let (place, complaint) = read(text).unwrap_err();
            assert_eq!(place, Place { line, column }, "{text:?}: {complaint:?}");
            assert!(!complaint.reason.is_empty() && !complaint.remedy.is_empty());
        }
    }
}

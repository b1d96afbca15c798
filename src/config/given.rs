//! What the operator wrote, key by key, read with the table in hand; collects every problem instead of ending at the first.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::file::{self, Entry, Node, Value};
use super::problem::{Complaint, Place, Problem};
use super::table::{Form, Setting, settings};
use super::value::nearest;

/// The keys that were given, and what is wrong with them so far.
#[derive(Debug)]
pub struct Given {
    file: Option<PathBuf>,
    settings: Vec<Setting>,
    values: BTreeMap<String, (Place, Node)>,
    problems: Vec<Problem>,
}

impl Given {
    /// Lays `text` out by key. Keys that do not exist, or exist twice, are problems.
    pub fn new(file: Option<PathBuf>, text: &str) -> Self {
        let mut given = Self { file, settings: settings(), values: BTreeMap::new(), problems: Vec::new() };
        match file::read(text) {
            Ok(Node { value: Value::Map(entries), .. }) => given.section("", entries),
            Ok(Node { value: Value::Null, .. }) => {}
            Ok(node) => {
                let reason = format!("the file holds {}, not keys and values", node.what());
                given.push("", Some(node.place), Complaint::new(reason, "write `key: value` lines"));
            }
            Err((place, complaint)) => given.push("", Some(place), complaint),
        }
        given
    }

    /// A problem with the file as a whole.
    pub fn unreadable(file: PathBuf, complaint: Complaint) -> Vec<Problem> {
        let Complaint { reason, remedy } = complaint;
        vec![Problem { file: Some(file), place: None, key: String::new(), reason, remedy }]
    }

    /// Every problem, in the order of the file.
    pub fn into_problems(mut self) -> Vec<Problem> {
        self.problems.sort_by_key(|problem| problem.place);
        self.problems
    }

    /// Whether nothing is wrong so far.
    pub const fn is_right(&self) -> bool {
        self.problems.is_empty()
    }

    /// Every setting and the value in force; `true` when it was given.
    pub fn in_force(&self) -> Vec<(&Setting, Node, bool)> {
        let value = |setting| (setting, self.node(setting), self.values.contains_key(setting.key.as_ref()));
        self.settings.iter().map(value).collect()
    }

    /// The value of `key`, read by `take`; `None` when it cannot be, which is then a problem.
    pub fn one<T>(&mut self, key: &str, take: impl Fn(&str) -> Result<T, Complaint>) -> Option<T> {
        let node = self.of(key)?;
        let taken = match &node.value {
            Value::Scalar(text) => take(text),
            Value::Null => Err(self.empty(key)),
            _ => Err(Complaint::new(format!("this is {}, and one value is wanted", node.what()), self.example(key))),
        };
        taken.map_err(|complaint| self.complain(key, complaint)).ok()
    }

    /// The items of `key`, each read by `take`; a single value is a list of one.
    pub fn list<T>(&mut self, key: &str, take: impl Fn(&str) -> Result<T, Complaint>) -> Option<Vec<T>> {
        let example = self.example(key);
        self.nodes(key, |item| match &item.value {
            Value::Scalar(text) => take(text),
            _ => Err(Complaint::new(format!("{} stands in the list", item.what()), &example)),
        })
    }

    /// The items of `key`, whatever they are, each read by `take`; a single value is a list of one.
    pub fn nodes<T>(&mut self, key: &str, take: impl Fn(&Node) -> Result<T, Complaint>) -> Option<Vec<T>> {
        let node = self.of(key)?;
        let items = match node.value {
            Value::List(items) => items,
            Value::Scalar(_) => vec![node],
            Value::Null => return self.complain_none(key, self.empty(key)),
            Value::Map(_) => {
                let complaint = Complaint::new("this is a section, and a list is wanted", self.example(key));
                return self.complain_none(key, complaint);
            }
        };
        let before = self.problems.len();
        let mut taken = Vec::with_capacity(items.len());
        for item in items {
            match take(&item) {
                Ok(value) => taken.push(value),
                Err(complaint) => self.push(key, Some(item.place), complaint),
            }
        }
        (self.problems.len() == before).then_some(taken)
    }

    /// Whether the value of `key` is just this word.
    pub fn is_word(&self, key: &str, word: &str) -> bool {
        self.of(key).is_some_and(|node| node.value == Value::Scalar(word.to_owned()))
    }

    /// Adds a problem with the value of `key`.
    pub fn complain(&mut self, key: &str, complaint: Complaint) {
        let place =
            self.values.get(key).map(|(place, node)| if node.value == Value::Null { *place } else { node.place });
        self.push(key, place, complaint);
    }

    /// Adds a problem with one item of `key`.
    pub fn complain_item(&mut self, key: &str, index: usize, complaint: Complaint) {
        self.push(key, self.place(key, index), complaint);
    }

    /// The file it was read from.
    pub fn file(&self) -> Option<&Path> {
        self.file.as_deref()
    }

    /// Where the operator wrote `key`: the item of a list, or the one value.
    pub fn place(&self, key: &str, index: usize) -> Option<Place> {
        self.values.get(key).map(|(_, node)| match &node.value {
            Value::List(items) => items.get(index).map_or(node.place, |item| item.place),
            _ => node.place,
        })
    }

    /// Whether the operator wrote `key`.
    pub fn has(&self, key: &str) -> bool {
        self.values.contains_key(key)
    }

    /// Refuses every given value that asks for what is not built.
    pub fn refuse_unbuilt(&mut self) {
        for setting in self.settings.clone() {
            let Form::Unbuilt(off) = setting.form else { continue };
            let Some((_, node)) = self.values.get(setting.key.as_ref()) else { continue };
            let is_off = match &node.value {
                Value::Null => off.contains(&"null"),
                Value::Scalar(text) => off.contains(&text.as_str()),
                Value::List(items) => items.is_empty() && off.contains(&"[]"),
                Value::Map(_) => false,
            };
            if !is_off {
                let reason = format!("this version of burdock cannot do that yet ({})", setting.help);
                let remedy = format!("remove the key, or write `{}`, which is what is in force", setting.default);
                self.complain(&setting.key, Complaint::new(reason, remedy));
            }
        }
    }

    /// Reads the entries of one section; `prefix` is its dotted path.
    fn section(&mut self, prefix: &str, entries: Vec<Entry>) {
        let mut seen: BTreeMap<String, Place> = BTreeMap::new();
        for Entry { key, place, node } in entries {
            let path = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
            if let Some(first) = seen.get(&key) {
                let reason = format!("this key is already set in line {}", first.line);
                self.push(&path, Some(place), Complaint::new(reason, "keep one of the two"));
                continue;
            }
            seen.insert(key.clone(), place);
            let section = format!("{path}.");
            // A key has one spelling: with two, it could stand in the file twice.
            if key.contains('.') {
                let complaint = self.dotted(&path);
                self.push(&path, Some(place), complaint);
            } else if self.settings.iter().any(|setting| setting.key == path) {
                self.values.insert(path, (place, node));
            } else if self.settings.iter().any(|setting| setting.key.starts_with(&section)) {
                self.subsection(&path, node);
            } else {
                let complaint = self.unknown(prefix, &key);
                self.push(&path, Some(place), complaint);
            }
        }
    }

    fn subsection(&mut self, path: &str, node: Node) {
        match node.value {
            Value::Map(entries) => self.section(path, entries),
            Value::Null => {}
            Value::Scalar(_) | Value::List(_) => {
                let reason = format!("this is {}, and a section is wanted", node.what());
                let remedy = format!("write its keys below it, indented: {}", self.children(path).join(", "));
                self.push(path, Some(node.place), Complaint::new(reason, remedy));
            }
        }
    }

    /// The dots of the documents are sections in the file.
    fn dotted(&self, path: &str) -> Complaint {
        let reason = "there is no such key: a dot stands for a section";
        match (self.settings.iter().any(|setting| setting.key == path), path.rsplit_once('.')) {
            (true, Some((section, key))) => {
                let open = section.replace('.', ": { ");
                let close = " }".repeat(path.matches('.').count());
                Complaint::new(reason, format!("write `{open}: {{ {key}: …{close}`"))
            }
            _ => Complaint::new(reason, "write the section, and its keys indented below it"),
        }
    }

    fn unknown(&self, prefix: &str, key: &str) -> Complaint {
        let children = self.children(prefix);
        let reason = "there is no such key";
        if let Some(near) = nearest(key, children.iter().map(String::as_str)) {
            return Complaint::new(reason, format!("did you mean `{near}`?"));
        }
        let suffix = format!(".{key}");
        if let Some(other) = self.settings.iter().find(|setting| setting.key.ends_with(&suffix)) {
            return Complaint::new(reason, format!("did you mean `{}`? Put it into that section", other.key));
        }
        Complaint::new(reason, format!("remove it; the keys here are {}", children.join(", ")))
    }

    /// The keys directly inside the section `prefix`.
    fn children(&self, prefix: &str) -> Vec<String> {
        let mut children: Vec<String> = Vec::new();
        for setting in &self.settings {
            let inside = match prefix {
                "" => Some(setting.key.as_ref()),
                _ => setting.key.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('.')),
            };
            let child = inside.and_then(|rest| rest.split('.').next());
            children.extend(child.filter(|child| !children.iter().any(|known| known == child)).map(str::to_owned));
        }
        children
    }

    fn of(&self, key: &str) -> Option<Node> {
        self.settings.iter().find(|setting| setting.key == key).map(|setting| self.node(setting))
    }

    fn node(&self, setting: &Setting) -> Node {
        let given = self.values.get(setting.key.as_ref()).map(|(_, node)| node.clone());
        let nothing = Node { place: Place { line: 1, column: 1 }, value: Value::Null };
        given.unwrap_or_else(|| file::read(&setting.default).unwrap_or(nothing))
    }

    fn empty(&self, key: &str) -> Complaint {
        Complaint::new("there is no value", self.example(key))
    }

    fn example(&self, key: &str) -> String {
        let default = self.settings.iter().find(|setting| setting.key == key).map_or("", |setting| &setting.default);
        let name = key.rsplit('.').next().unwrap_or(key);
        format!("write it like the default, `{name}: {default}`, or remove the key")
    }

    fn complain_none<T>(&mut self, key: &str, complaint: Complaint) -> Option<T> {
        self.complain(key, complaint);
        None
    }

    fn push(&mut self, key: &str, place: Option<Place>, complaint: Complaint) {
        let Complaint { reason, remedy } = complaint;
        self.problems.push(Problem { file: self.file.clone(), place, key: key.to_owned(), reason, remedy });
    }
}

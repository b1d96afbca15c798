//! One section that stands in a list: which keys it may have, and the one value of each.

use super::file::{Entry, Value};
use super::problem::Complaint;
use super::value::nearest;

/// The entries of the section, and what they should be.
pub struct Section<'a> {
    /// What was written.
    pub entries: &'a [Entry],
    /// Every key there is.
    pub keys: &'a [&'static str],
    /// What to write instead, when something is wrong.
    pub example: &'a str,
}

impl<'a> Section<'a> {
    /// That there are no other keys, and none twice.
    pub fn check(&self) -> Result<(), Complaint> {
        for (index, entry) in self.entries.iter().enumerate() {
            let key = entry.key.as_str();
            if !self.keys.contains(&key) {
                let remedy = nearest(key, self.keys.iter().copied());
                let remedy = remedy.map_or_else(|| self.example.to_owned(), |near| format!("did you mean `{near}`?"));
                return Err(Complaint::new(format!("there is no such key as `{key}` in it"), remedy));
            }
            if self.entries.iter().take(index).any(|other| other.key == key) {
                return Err(Complaint::new(format!("`{key}` is in it twice"), "keep one of the two"));
            }
        }
        Ok(())
    }

    /// The one value of `key`.
    pub fn one(&self, key: &str) -> Result<Option<&'a str>, Complaint> {
        let Some(entry) = self.entries.iter().find(|entry| entry.key == key) else { return Ok(None) };
        match &entry.node.value {
            Value::Scalar(text) => Ok(Some(text)),
            _ => {
                let reason = format!("its `{key}` is {}, and one value is wanted", entry.node.what());
                Err(Complaint::new(reason, self.example))
            }
        }
    }
}

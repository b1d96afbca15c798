//! Words of a master file (RFC 1035 §5.1): comments, parentheses, quotes and escapes, but no meaning.

use super::{Position, TextError, TextProblem};

/// A word as written: escapes untouched, without the quotes around it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Token<'a> {
    /// The characters.
    pub raw: &'a str,
    /// Whether it stood in quotes.
    pub quoted: bool,
    /// Where it starts.
    pub at: Position,
}

impl Token<'_> {
    /// Whether it is `word`, unquoted, whatever the case.
    pub fn is(&self, word: &str) -> bool {
        !self.quoted && self.raw.eq_ignore_ascii_case(word)
    }

    /// The octets meant, escapes resolved.
    pub fn octets(&self) -> Result<Vec<u8>, TextError> {
        let bad = || TextProblem::BadEscape.at(self.at);
        let mut octets = Vec::with_capacity(self.raw.len());
        let mut bytes = self.raw.bytes();
        while let Some(byte) = bytes.next() {
            if byte != b'\\' {
                octets.push(byte);
                continue;
            }
            let first = bytes.next().ok_or_else(bad)?;
            if !first.is_ascii_digit() {
                octets.push(first);
                continue;
            }
            let mut value = u32::from(first - b'0');
            for _ in 0..2 {
                let digit = bytes.next().filter(u8::is_ascii_digit).ok_or_else(bad)?;
                value = value * 10 + u32::from(digit - b'0');
            }
            octets.push(u8::try_from(value).map_err(|_| bad())?);
        }
        Ok(octets)
    }
}

/// The words of one record or directive.
#[derive(Debug)]
pub(super) struct Entry<'a> {
    /// The words; at least one.
    pub tokens: Vec<Token<'a>>,
    /// Whether the line starts with a blank: the owner is the one before.
    pub owner_omitted: bool,
    /// Where the first word starts.
    pub start: Position,
}

/// Walks a text from entry to entry.
#[derive(Debug)]
pub(super) struct Entries<'a> {
    text: &'a str,
    at: usize,
    here: Position,
}

impl<'a> Entries<'a> {
    pub const fn new(text: &'a str) -> Self {
        Self { text, at: 0, here: Position::START }
    }

    /// The next entry, blank lines and comments passed over; `None` at the end.
    pub fn next_entry(&mut self) -> Result<Option<Entry<'a>>, TextError> {
        let mut tokens = Vec::new();
        let mut owner_omitted = false;
        let mut open: Vec<Position> = Vec::new();
        while let Some(character) = self.peek() {
            match character {
                '\n' => {
                    self.bump();
                    if open.is_empty() && !tokens.is_empty() {
                        break;
                    }
                    owner_omitted &= !open.is_empty();
                }
                ' ' | '\t' | '\r' => {
                    owner_omitted |= tokens.is_empty() && open.is_empty() && self.here.column == 1;
                    self.bump();
                }
                ';' => self.skip_comment(),
                '(' => {
                    open.push(self.here);
                    self.bump();
                }
                ')' => {
                    open.pop().ok_or_else(|| TextProblem::StrayParenthesis.at(self.here))?;
                    self.bump();
                }
                '"' => tokens.push(self.quoted()?),
                _ => tokens.push(self.word()?),
            }
        }
        if let Some(position) = open.first() {
            return Err(TextProblem::OpenParenthesis.at(*position));
        }
        Ok(tokens.first().map(|token| token.at).map(|start| Entry { tokens, owner_omitted, start }))
    }

    fn peek(&self) -> Option<char> {
        self.text.get(self.at..)?.chars().next()
    }

    fn bump(&mut self) {
        let Some(character) = self.peek() else { return };
        self.at += character.len_utf8();
        if character == '\n' {
            self.here = Position { line: self.here.line.saturating_add(1), column: 1 };
        } else {
            self.here.column = self.here.column.saturating_add(1);
        }
    }

    fn skip_comment(&mut self) {
        while self.peek().is_some_and(|character| character != '\n') {
            self.bump();
        }
    }

    /// A backslash and the character behind it.
    fn escape(&mut self) -> Result<(), TextError> {
        let start = self.here;
        self.bump();
        if self.peek().is_none_or(|character| character == '\n') {
            return Err(TextProblem::BadEscape.at(start));
        }
        self.bump();
        Ok(())
    }

    fn word(&mut self) -> Result<Token<'a>, TextError> {
        let (start, at) = (self.at, self.here);
        while let Some(character) = self.peek() {
            match character {
                ' ' | '\t' | '\r' | '\n' | ';' | '(' | ')' => break,
                '\\' => self.escape()?,
                // `alpn="h2,h3"` is one word (RFC 9460 §2.1).
                '"' => drop(self.quoted()?),
                _ => self.bump(),
            }
        }
        Ok(Token { raw: self.text.get(start..self.at).unwrap_or_default(), quoted: false, at })
    }

    fn quoted(&mut self) -> Result<Token<'a>, TextError> {
        let at = self.here;
        self.bump();
        let start = self.at;
        loop {
            match self.peek() {
                None | Some('\n') => return Err(TextProblem::OpenQuote.at(at)),
                Some('\\') => self.escape()?,
                Some('"') => break,
                Some(_) => self.bump(),
            }
        }
        let raw = self.text.get(start..self.at).unwrap_or_default();
        self.bump();
        Ok(Token { raw, quoted: true, at })
    }
}

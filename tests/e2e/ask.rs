//! Real clients: `dig` and `kdig`, run and read.

use std::process::Command;

/// Where and how to ask: the tool and what stands before the question.
#[derive(Clone, Debug)]
pub struct Asker {
    tool: &'static str,
    before: Vec<String>,
}

/// What a client printed.
#[derive(Clone, Debug, Default)]
pub struct Reply {
    pub status: String,
    pub id: u16,
    pub flags: Vec<String>,
    pub question: Vec<String>,
    pub answer: Vec<Record>,
    pub authority: Vec<Record>,
    pub additional: Vec<Record>,
    pub ede: Vec<String>,
    /// All that was printed.
    pub text: String,
}

/// One record as printed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    pub owner: String,
    pub ttl: u32,
    pub rtype: String,
    pub data: String,
}

impl Asker {
    /// BIND's `dig` at this address and port.
    pub fn dig(address: &str, port: u16) -> Self {
        let before = [format!("@{address}"), "-p".into(), port.to_string(), "+tries=1".into(), "+time=15".into()];
        Self { tool: "dig", before: before.to_vec() }.with("+nocookie")
    }

    /// Knot's `kdig` at this address and port.
    pub fn kdig(address: &str, port: u16) -> Self {
        let before = [format!("@{address}"), "-p".into(), port.to_string(), "+retry=0".into(), "+time=15".into()];
        Self { tool: "kdig", before: before.to_vec() }
    }

    /// The same with one more option.
    pub fn with(&self, option: &str) -> Self {
        let mut asker = self.clone();
        asker.before.push(option.to_owned());
        asker
    }

    /// Asks and reads the reply; the words are name, type, options. Panics when there is no reply.
    pub fn ask(&self, words: &str) -> Reply {
        self.try_ask(words).unwrap_or_else(|text| panic!("no reply to {} {words}: {text}", self.tool))
    }

    /// Asks and reads the reply, or gives back what the tool said instead.
    pub fn try_ask(&self, words: &str) -> Result<Reply, String> {
        let output = Command::new(self.tool).args(&self.before).args(words.split(' ')).output().expect("the tool runs");
        let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        if !output.status.success() || !text.contains("status: ") {
            return Err(text);
        }
        Ok(Reply::read(text))
    }
}

impl Reply {
    fn read(text: String) -> Self {
        let mut reply = Self::default();
        let mut section = "";
        for line in text.lines() {
            if line.contains("->>HEADER<<-") {
                reply.status = after(line, "status: ").to_owned();
                reply.id = after(line, "id: ").parse().unwrap_or(0);
            } else if let Some((_, flags)) = line.to_ascii_lowercase().split_once(";; flags:") {
                reply.flags = flags.split(';').next().unwrap().split_whitespace().map(str::to_owned).collect();
            } else if let Some((_, ede)) = line.split_once("EDE: ") {
                reply.ede.push(ede.to_owned());
            } else if let Some((name, _)) = line.strip_prefix(";; ").and_then(|line| line.split_once(" SECTION:")) {
                section = match name {
                    "QUESTION" => "question",
                    "ANSWER" => "answer",
                    "AUTHORITY" => "authority",
                    "ADDITIONAL" => "additional",
                    _ => "",
                };
            } else if line.is_empty() {
                section = "";
            } else if section == "question" {
                let words: Vec<&str> = line.trim_start_matches([';', ' ']).split_whitespace().collect();
                reply.question.push(words.join(" "));
            } else if !line.starts_with(';') {
                let records = match section {
                    "answer" => &mut reply.answer,
                    "authority" => &mut reply.authority,
                    "additional" => &mut reply.additional,
                    _ => continue,
                };
                records.extend(Record::read(line));
            }
        }
        reply.text = text;
        reply
    }

    pub fn has(&self, flag: &str) -> bool {
        self.flags.iter().any(|set| set == flag)
    }

    /// The data of the answer's records of one type, sorted.
    pub fn data(&self, rtype: &str) -> Vec<&str> {
        let mut data: Vec<&str> = self.answer.iter().filter(|r| r.rtype == rtype).map(|r| r.data.as_str()).collect();
        data.sort_unstable();
        data
    }

    /// The answer as `owner type data` lines, in order.
    pub fn lines(&self) -> Vec<String> {
        self.answer.iter().map(|r| format!("{} {} {}", r.owner, r.rtype, r.data)).collect()
    }

    /// Fails unless the status is this one.
    #[track_caller]
    pub fn expect(&self, status: &str) -> &Self {
        assert_eq!(self.status, status, "\n{}", self.text);
        self
    }

    /// The owner of the SOA record in the authority section.
    pub fn soa(&self) -> Option<&Record> {
        self.authority.iter().find(|record| record.rtype == "SOA")
    }
}

impl Record {
    fn read(line: &str) -> Option<Self> {
        let mut words = line.split_whitespace();
        let (owner, ttl, _class, rtype) = (words.next()?, words.next()?, words.next()?, words.next()?);
        let data = words.collect::<Vec<_>>().join(" ");
        Some(Self { owner: owner.to_owned(), ttl: ttl.parse().ok()?, rtype: rtype.to_owned(), data })
    }
}

fn after<'a>(line: &'a str, mark: &str) -> &'a str {
    line.split_once(mark).map_or("", |(_, rest)| rest.split([',', ';']).next().unwrap_or("").trim())
}

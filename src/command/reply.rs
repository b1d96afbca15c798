//! A reply as users of dig expect it, and the same as JSON.

use std::fmt::Write;
use std::time::Duration;

use serde_json::{Value as Json, json};

use crate::dns::{EdeCode, EdnsOption, Header, Message, Record, rdata_to_text, record_to_text};

/// A reply, and what there is to say about it.
pub struct Shown<'a> {
    /// The reply.
    pub message: &'a Message,
    /// Its size in octets.
    pub octets: usize,
    /// How long it took.
    pub took: Duration,
    /// Who answered, in words.
    pub server: &'a str,
    /// Queries sent to other servers, where that is known.
    pub queries: Option<u32>,
}

const FLAGS: [(u16, &str); 7] = [
    (Header::QR, "qr"),
    (Header::AA, "aa"),
    (Header::TC, "tc"),
    (Header::RD, "rd"),
    (Header::RA, "ra"),
    (Header::AD, "ad"),
    (Header::CD, "cd"),
];

impl Shown<'_> {
    /// In dig's manner.
    pub fn to_text(&self) -> String {
        let Message { header, question, answer, authority, additional, edns, .. } = self.message;
        let mut text = String::new();
        let [questions, answers, authorities, additionals] = header.counts;
        let _ = writeln!(text, ";; ->>HEADER<<- opcode: QUERY, status: {}, id: {}", self.message.rcode(), header.id);
        let _ = writeln!(
            text,
            ";; flags: {}; QUERY: {questions}, ANSWER: {answers}, AUTHORITY: {authorities}, ADDITIONAL: {additionals}\n",
            self.flags().join(" "),
        );
        if let Some(edns) = edns {
            let dnssec_ok = if edns.dnssec_ok { " do" } else { "" };
            let _ = writeln!(text, ";; OPT PSEUDOSECTION:");
            let _ = writeln!(text, "; EDNS: version: {}, flags:{dnssec_ok}; udp: {}", edns.version, edns.udp_size);
            for (code, reason) in self.extended_errors() {
                let _ = writeln!(text, "; EDE: {} ({}): {reason}", code.0, meaning(code));
            }
        }
        if let Some((question, _)) = question {
            let _ = writeln!(text, ";; QUESTION SECTION:\n;{}\t\tIN\t{}\n", question.name, question.rtype);
        }
        for (name, records) in [("ANSWER", answer), ("AUTHORITY", authority), ("ADDITIONAL", additional)] {
            section(&mut text, name, records);
        }
        let _ = writeln!(text, ";; Query time: {} msec", self.took.as_millis());
        let _ = writeln!(text, ";; SERVER: {}", self.server);
        if let Some(queries) = self.queries {
            let _ = writeln!(text, ";; QUERIES: {queries} sent to other servers");
        }
        let _ = writeln!(text, ";; MSG SIZE  rcvd: {}", self.octets);
        text
    }

    /// As one JSON object.
    pub fn to_json(&self) -> Json {
        let message = self.message;
        let question = message.question.as_ref().map(|(question, _)| question);
        let error =
            |(code, reason): (EdeCode, &str)| json!({ "code": code.0, "meaning": meaning(code), "text": reason });
        json!({
            "question": question.map(|question| json!({ "name": question.name.to_string(), "type": question.rtype.to_string() })),
            "status": message.rcode().to_string(),
            "flags": self.flags(),
            "answer": records(&message.answer),
            "authority": records(&message.authority),
            "additional": records(&message.additional),
            "extended_errors": self.extended_errors().map(error).collect::<Vec<_>>(),
            "time_ms": milliseconds(self.took),
            "server": self.server,
            "queries": self.queries,
            "octets": self.octets,
        })
    }

    fn flags(&self) -> Vec<&'static str> {
        FLAGS.iter().filter(|(flag, _)| self.message.header.has(*flag)).map(|(_, name)| *name).collect()
    }

    fn extended_errors(&self) -> impl Iterator<Item = (EdeCode, &str)> {
        let options = self.message.edns.iter().flat_map(|edns| &edns.options);
        options.filter_map(|option| match option {
            EdnsOption::Ede(code, text) => Some((*code, text.as_str())),
            EdnsOption::Cookie(_) | EdnsOption::Other(_) => None,
        })
    }
}

/// Milliseconds with three digits behind the point.
pub fn milliseconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e6).round() / 1e3
}

fn section(text: &mut String, name: &str, records: &[Record]) {
    if records.is_empty() {
        return;
    }
    let _ = writeln!(text, ";; {name} SECTION:");
    for record in records {
        let _ = writeln!(text, "{}", record_to_text(record));
    }
    text.push('\n');
}

fn records(records: &[Record]) -> Vec<Json> {
    let record = |record: &Record| {
        json!({
            "name": record.owner.to_string(),
            "ttl": record.ttl.as_secs(),
            "type": record.rtype.to_string(),
            "data": rdata_to_text(record.rtype, &record.rdata),
        })
    };
    records.iter().map(record).collect()
}

/// The name of a code in IANA's registry (RFC 8914 §5.2).
fn meaning(code: EdeCode) -> &'static str {
    const MEANINGS: [&str; 25] = [
        "Other",
        "Unsupported DNSKEY Algorithm",
        "Unsupported DS Digest Type",
        "Stale Answer",
        "Forged Answer",
        "DNSSEC Indeterminate",
        "DNSSEC Bogus",
        "Signature Expired",
        "Signature Not Yet Valid",
        "DNSKEY Missing",
        "RRSIGs Missing",
        "No Zone Key Bit Set",
        "NSEC Missing",
        "Cached Error",
        "Not Ready",
        "Blocked",
        "Censored",
        "Filtered",
        "Prohibited",
        "Stale NXDOMAIN Answer",
        "Not Authoritative",
        "Not Supported",
        "No Reachable Authority",
        "Network Error",
        "Invalid Data",
    ];
    MEANINGS.get(usize::from(code.0)).copied().unwrap_or("unknown")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dns::{Class, Ede, MessageWriter, Question, Rcode, Rdatas, RecordType, RrSet, Section, Ttl};

    fn reply() -> Vec<u8> {
        let question = Question::new("Www.test".parse().unwrap(), RecordType::A);
        let mut writer = MessageWriter::new(7, Header::QR | Header::RD | Header::RA, Rcode::NOERROR, 512);
        writer.question(&question, Class::IN);
        let rdatas = Rdatas::new([&[192, 0, 2, 1][..]]).unwrap();
        writer.rrset(
            Section::Answer,
            &RrSet::new(question.name, RecordType::A, Ttl::from_secs(60), rdatas),
            Ttl::from_secs(60),
            false,
        );
        writer.opt(1232, Rcode::NOERROR, true, &Ede::new(EdeCode::STALE_ANSWER, "old").option());
        writer.finish().0
    }

    #[test]
    fn a_reply_looks_like_digs() {
        let bytes = reply();
        let message = Message::parse(&bytes).unwrap();
        let shown = Shown {
            message: &message,
            octets: bytes.len(),
            took: Duration::from_micros(12_345),
            server: "here",
            queries: Some(4),
        };
        let expected = ";; ->>HEADER<<- opcode: QUERY, status: NOERROR, id: 7\n\
            ;; flags: qr rd ra; QUERY: 1, ANSWER: 1, AUTHORITY: 0, ADDITIONAL: 1\n\n\
            ;; OPT PSEUDOSECTION:\n; EDNS: version: 0, flags: do; udp: 1232\n; EDE: 3 (Stale Answer): old\n\
            ;; QUESTION SECTION:\n;Www.test.\t\tIN\tA\n\n\
            ;; ANSWER SECTION:\nWww.test.\t60\tIN\tA\t192.0.2.1\n\n\
            ;; Query time: 12 msec\n;; SERVER: here\n;; QUERIES: 4 sent to other servers\n";
        assert_eq!(shown.to_text(), format!("{expected};; MSG SIZE  rcvd: {}\n", bytes.len()));
        let json = shown.to_json();
        assert_eq!(json["answer"][0], json!({ "name": "Www.test.", "ttl": 60, "type": "A", "data": "192.0.2.1" }));
        assert_eq!(json["time_ms"], 12.345);
        assert_eq!(json["extended_errors"][0]["code"], 3);
    }
}

//! Reads entries: MATCH, ADJUST and REPLY words, sections, octets.

use std::time::Duration;

use burdock::dns::{Class, Header, Name, Opcode, Question, Rcode, Record, RecordType, Ttl, rdata_from_text, read_zone};

use super::model::{EdeWanted, Entry, Over, Parts, Scenario};
use super::parse::{Lines, ParseError, error, unsupported, words};

/// The TTL of records that state none.
const DEFAULT_TTL: Ttl = Ttl::from_secs(3600);

#[derive(Clone, Copy, PartialEq)]
enum In {
    Nothing,
    Question,
    Answer,
    Authority,
    Additional,
}

/// Reads up to ENTRY_END.
pub fn entry(start: usize, lines: &mut Lines<'_>, scenario: &mut Scenario) -> Result<Entry, ParseError> {
    let mut entry = Entry::default();
    let mut section = In::Nothing;
    let mut context = String::new();
    while let Some((line, text)) = lines.next() {
        let words = words(text);
        match words.first().copied().unwrap_or_default() {
            "ENTRY_END" => return Ok(entry),
            "MATCH" => matching(line, &words[1..], &mut entry, scenario)?,
            "ADJUST" => adjust(line, &words[1..], &mut entry, scenario)?,
            // Deckard's other name for the same.
            "REPLY" | "FLAGS" => reply(line, &words[1..], &mut entry.message)?,
            "SECTION" => section = section_named(line, words.get(1).copied())?,
            // Deckard: the entry has to be used. Answers tell soon enough when it was not.
            "MANDATORY" => {}
            "RAW" => entry.raw = Some(octets(line, lines.next().map(|(_, hex)| hex).unwrap_or_default())?),
            "HEX_ANSWER_BEGIN" => entry.raw = Some(block(lines, "HEX_ANSWER_END")?),
            "HEX_EDNSDATA_BEGIN" => entry.message.edns_data = Some(block(lines, "HEX_EDNSDATA_END")?),
            "EXTRA_PACKET" => {
                unsupported(scenario, line, "auth-zone", "EXTRA_PACKET: a zone transfer of several messages");
                lines.skip_to("ENTRY_END")?;
                return Ok(entry);
            }
            word if word.starts_with('$') => context = format!("{context}{text}\n"),
            _ => record(line, text, section, &context, &mut entry.message)?,
        }
    }
    Err(error(start, "ENTRY_END is missing"))
}

fn section_named(line: usize, name: Option<&str>) -> Result<In, ParseError> {
    match name {
        Some("QUESTION") => Ok(In::Question),
        Some("ANSWER") => Ok(In::Answer),
        Some("AUTHORITY") => Ok(In::Authority),
        Some("ADDITIONAL") => Ok(In::Additional),
        _ => Err(error(line, "unknown section")),
    }
}

fn record(line: usize, text: &str, section: In, context: &str, message: &mut Parts) -> Result<(), ParseError> {
    let records = match section {
        In::Nothing => return Err(error(line, format!("not part of an entry: {text}"))),
        In::Question => {
            message.question = Some(question(line, text)?);
            return Ok(());
        }
        In::Answer => &mut message.answer,
        In::Authority => &mut message.authority,
        In::Additional => &mut message.additional,
    };
    let zone = format!("{context}{text}");
    let read = read_zone(&zone, &Name::root(), DEFAULT_TTL);
    let read = read.or_else(|problem| malformed(&zone).ok_or(problem));
    records.extend(read.map_err(|problem| error(line, format!("{}: {text}", problem.problem)))?);
    Ok(())
}

/// Records that are malformed on purpose: octets (`\\#`) that do not fit their type, RRSIGs without a signature.
fn malformed(zone: &str) -> Option<Vec<Record>> {
    let (before, last) = zone.rsplit_once('\n').map_or(("", zone), |(before, last)| (before, last));
    let words = words(last);
    let position =
        words.iter().position(|word| *word == "\\#").or_else(|| words.iter().position(|word| *word == "RRSIG"))?;
    let (at, data) = match words[position] {
        "\\#" => (position.checked_sub(1)?, words[position..].join(" ")),
        _ => (position, signature_without_octets(&words[position + 1..])?),
    };
    let rtype: RecordType = words[at].parse().ok()?;
    let opaque = format!("{before}\n{} TYPE65280 {data}", words[..at].join(" "));
    let mut records = read_zone(&opaque, &Name::root(), DEFAULT_TTL).ok()?;
    records.iter_mut().for_each(|record| record.rtype = rtype);
    Some(records)
}

/// The octets of an RRSIG that has fields and signer, but a signature that is not there or not base64.
fn signature_without_octets(words: &[&str]) -> Option<String> {
    let rdata =
        rdata_from_text(RecordType::RRSIG, &format!("{} AAAA", words.get(..8)?.join(" ")), &Name::root()).ok()?;
    let octets: String = rdata.get(..rdata.len() - 3)?.iter().map(|octet| format!("{octet:02x}")).collect();
    Some(format!("\\# {} {octets}", rdata.len() - 3))
}

fn question(line: usize, text: &str) -> Result<(Question, Class), ParseError> {
    let words = words(text);
    let (name, class, rtype) = match words.as_slice() {
        [name, class, rtype] => (name, class.parse().ok(), rtype),
        [name, rtype] => (name, Some(Class::IN), rtype),
        _ => return Err(error(line, "a question is a name, a class and a type")),
    };
    let parsed = name.parse::<Name>().ok().zip(class).zip(rtype.parse::<RecordType>().ok());
    let ((name, class), rtype) = parsed.ok_or_else(|| error(line, format!("not a question: {text}")))?;
    Ok((Question::new(name, rtype), class))
}

fn matching(line: usize, words: &[&str], entry: &mut Entry, scenario: &mut Scenario) -> Result<(), ParseError> {
    let matching = &mut entry.matching;
    for word in words {
        match *word {
            "opcode" => matching.opcode = true,
            "qtype" => matching.qtype = true,
            "qname" => matching.qname = true,
            "subdomain" => matching.subdomain = true,
            "all" => matching.all = true,
            "flags" => matching.flags = true,
            "rcode" => matching.rcode = true,
            "question" => matching.question = true,
            "answer" => matching.answer = true,
            "authority" => matching.authority = true,
            "additional" => matching.additional = true,
            "ttl" => matching.ttl = true,
            "DO" => matching.dnssec_ok = true,
            "noedns" => matching.no_edns = true,
            "ednsdata" => matching.edns_data = true,
            "UDP" => matching.transport = Some(Over::Udp),
            "TCP" => matching.transport = Some(Over::Tcp),
            "ede=any" => matching.ede = Some(EdeWanted::Any),
            "server_cookie" | "client_cookie" => {
                unsupported(scenario, line, "cookies", "DNS cookies for clients");
            }
            other => match other.strip_prefix("ede=").and_then(|code| code.parse().ok()) {
                Some(code) => matching.ede = Some(EdeWanted::Code(code)),
                None => return Err(error(line, format!("unknown MATCH word: {other}"))),
            },
        }
    }
    Ok(())
}

fn adjust(line: usize, words: &[&str], entry: &mut Entry, scenario: &mut Scenario) -> Result<(), ParseError> {
    for word in words {
        match word.split_once('=') {
            // Replies carry the query's ID whether or not the file says so: here IDs are checked before anything else.
            None if *word == "copy_id" => {}
            None if *word == "copy_query" => entry.adjust.copy_query = true,
            None if word.starts_with("copy_ednsdata") || *word == "increment_ecs_scope" => {
                unsupported(scenario, line, "client-subnet", "EDNS client subnet");
            }
            Some(("sleep" | "packet_sleep", seconds)) => {
                let seconds = seconds.parse().map_err(|_| error(line, "a number of seconds is due"))?;
                entry.adjust.sleep = Duration::from_secs(seconds);
            }
            _ => return Err(error(line, format!("unknown ADJUST word: {word}"))),
        }
    }
    Ok(())
}

fn reply(line: usize, words: &[&str], message: &mut Parts) -> Result<(), ParseError> {
    for word in words {
        message.flags |= match *word {
            "QR" => Header::QR,
            "AA" => Header::AA,
            "TC" => Header::TC,
            "RD" => Header::RD,
            "RA" => Header::RA,
            "AD" => Header::AD,
            "CD" => Header::CD,
            "DO" => {
                message.dnssec_ok = true;
                0
            }
            "QUERY" => 0,
            "NOTIFY" => {
                message.opcode = Opcode::NOTIFY;
                0
            }
            "UPDATE" => {
                message.opcode = Opcode::UPDATE;
                0
            }
            "NOTIMPL" => {
                message.rcode = Rcode::NOTIMP;
                0
            }
            other => {
                message.rcode = other.parse().map_err(|()| error(line, format!("unknown REPLY word: {other}")))?;
                0
            }
        };
    }
    Ok(())
}

/// Hexadecimal up to the line `end`, comments removed.
fn block(lines: &mut Lines<'_>, end: &str) -> Result<Vec<u8>, ParseError> {
    let start = lines.number;
    let mut hex = String::new();
    while let Some((_, text)) = lines.next() {
        if text.starts_with(end) {
            return octets(start, &hex);
        }
        hex.push_str(&words(text).concat());
    }
    Err(error(start, format!("{end} is missing")))
}

fn octets(line: usize, hex: &str) -> Result<Vec<u8>, ParseError> {
    let digits: Vec<char> = words(hex).concat().chars().collect();
    let pairs = digits.chunks(2).map(|pair| u8::from_str_radix(&pair.iter().collect::<String>(), 16));
    let odd = digits.len() % 2 == 1;
    let octets: Result<Vec<u8>, _> = pairs.collect();
    octets.ok().filter(|_| !odd).ok_or_else(|| error(line, "hexadecimal is due"))
}

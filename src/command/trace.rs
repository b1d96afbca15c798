//! `burdock trace`: one walk, shown step by step, with what it spent of its bounds.

use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value as Json, json};

use crate::config::arguments::Trace as Arguments;
use crate::config::{Config, load};
use crate::dns::{Outcome, Question, RrSet, rrset_to_text};
use crate::job::Job;
use crate::policy::Local;
use crate::resolver::{Resolution, ResolveError};
use crate::telemetry::{Entry, Trace};

use super::failure::{Failure, print};
use super::reply::milliseconds;
use super::walk;
use super::walker::{Walker, block_on};
use super::words::Words;

/// Walks, and prints the walk.
pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    let question = Words::read(&arguments.words)?.walkable()?;
    let loaded = load(arguments.walk.file.config.as_deref(), &arguments.walk.overrides())?;
    let policy = &loaded.config.policy;
    let local = policy.special_use.then(|| Local::new(policy.elsewhere.clone()));
    if let Some(answer) = local.and_then(|local| local.answer(&question)) {
        let records: Vec<String> = answer.answer.iter().flat_map(rrset_to_text).collect();
        return print(&by_rule(&question, &answer.rcode.to_string(), &records, arguments.walk.json));
    }
    let walked = block_on(async { Ok(walk_once(&question, &loaded.config).await) })?;
    match arguments.walk.json {
        true => print(&format!("{:#}\n", walked.to_json()))?,
        false => print(&walked.to_text())?,
    }
    walked.result.map(drop).map_err(|_| Failure::Said)
}

/// A walk that has ended.
pub struct Walked {
    question: Question,
    entries: Vec<Entry>,
    spent: Vec<Spent>,
    took: Duration,
    /// How it ended.
    pub result: Result<Resolution, ResolveError>,
}

/// How much of a bound was used.
struct Spent {
    bound: &'static str,
    used: u64,
    of: u64,
    unit: &'static str,
}

/// Resolves `question` with empty caches, and keeps every step.
pub async fn walk_once(question: &Question, config: &Config) -> Walked {
    let walker = Walker::new(config);
    let clock = walker.resolver.world().clock.clone();
    let started = clock.now();
    let trace = Arc::new(Trace::new(started));
    let job = walker.resolver.job().traced(Arc::clone(&trace));
    let result = walker.resolver.resolve(question, &job).await;
    let took = clock.now().saturating_duration_since(started);
    let spent = spent(&job, took);
    Walked { question: question.clone(), entries: trace.entries(), spent, took, result }
}

fn spent(job: &Job, took: Duration) -> Vec<Spent> {
    let bounds =
        job.budget().spent().map(|(bound, used, of)| Spent { bound, used: used.into(), of: of.into(), unit: "" });
    let ms = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    let time = Spent { bound: "work-deadline", used: ms(took), of: ms(job.limits().work_deadline), unit: " ms" };
    bounds.into_iter().chain([time]).collect()
}

impl Walked {
    /// For people.
    pub fn to_text(&self) -> String {
        let mut text = walk::to_text(&self.entries);
        match &self.result {
            Ok(resolution) => {
                let _ = writeln!(text, "\n{}", end(resolution));
                for line in self.records(resolution) {
                    let _ = writeln!(text, "  {line}");
                }
            }
            Err(error) => {
                let _ = writeln!(text, "\nNo answer for {}: {error}", self.question);
            }
        }
        let spent =
            self.spent.iter().map(|spent| format!("{} {} of {}{}", spent.bound, spent.used, spent.of, spent.unit));
        let _ = writeln!(text, "\nSpent: {}", spent.collect::<Vec<_>>().join(", "));
        text
    }

    /// The records of the answer, or the SOA of a denial; the name asked about in the case it was asked in.
    fn records(&self, resolution: &Resolution) -> Vec<String> {
        let last = match &resolution.outcome {
            Outcome::Found(rrset) => Some(rrset),
            Outcome::NoData(denial) | Outcome::NxDomain(denial) => denial.soa.as_ref(),
        };
        let in_its_case = |rrset: &RrSet| match rrset.owner == self.question.name {
            true => RrSet { owner: self.question.name.clone(), ..rrset.clone() },
            false => rrset.clone(),
        };
        resolution.aliases.iter().chain(last).map(in_its_case).flat_map(|rrset| rrset_to_text(&rrset)).collect()
    }

    fn to_json(&self) -> Json {
        let spent = |spent: &Spent| (spent.bound.to_owned(), json!({ "used": spent.used, "of": spent.of }));
        let answer = self.result.as_ref().ok().map(|resolution| self.records(resolution));
        json!({
            "question": self.question.to_string(),
            "status": self.result.as_ref().ok().map(|resolution| resolution.rcode().to_string()),
            "answer": answer,
            "error": self.result.as_ref().err().map(ToString::to_string),
            "steps": walk::to_json(&self.entries),
            "spent": self.spent.iter().map(spent).collect::<serde_json::Map<_, _>>(),
            "time_ms": milliseconds(self.took),
        })
    }
}

/// How the walk ended, in words.
fn end(resolution: &Resolution) -> String {
    match &resolution.outcome {
        Outcome::Found(_) => format!("{}:", resolution.rcode()),
        Outcome::NoData(denial) => format!("{}, no such data; known for {} s:", resolution.rcode(), denial.ttl),
        Outcome::NxDomain(denial) => format!("{}, no such name; known for {} s:", resolution.rcode(), denial.ttl),
    }
}

/// A question that never leaves this host.
fn by_rule(question: &Question, status: &str, records: &[String], json: bool) -> String {
    if json {
        let by_rule = json!({ "question": question.to_string(), "status": status, "answer": records, "steps": [{ "step": "by rule" }] });
        return format!("{by_rule:#}\n");
    }
    let answer: String = records.iter().map(|record| format!("  {record}\n")).collect();
    format!(
        "{question} is a special-use name (RFC 6761, RFC 6303): answered here, nobody is asked.\n\n{status}:\n{answer}"
    )
}

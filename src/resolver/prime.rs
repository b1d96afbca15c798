//! The root zone's servers: hints at first, then what the root itself says (RFC 9609).

use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout_at;

use super::Resolver;
use super::scrub::{glue, scrub};
use crate::cache::Rank;
use crate::dns::{Message, Name, NameServer, Question, Rcode, RecordType, RrSet, ZoneCut};
use crate::job::{Job, Limits};
use crate::telemetry::{Heard, Step};
use crate::upstream::{Asking, Fault, Manner};

/// How long the hints do when the root could not be asked for its own servers.
const UNPRIMED: Duration = Duration::from_secs(60);
/// Timeouts after which the hints have to do: a client waits behind this.
const TIMEOUTS: u32 = 2;

impl Resolver {
    /// The cut at the root. Primes when that is due: once per TTL, whoever asks at the same time waits for it.
    pub(super) async fn root_cut(&self, job: &Job) -> Arc<ZoneCut> {
        let Ok(mut root) = timeout_at(job.deadline(), self.root.lock()).await else { return Arc::new(self.hints(job)) };
        if let Some(cut) = root.as_ref().filter(|cut| cut.is_current(job.now())) {
            return Arc::clone(cut);
        }
        let cut = Arc::new(self.prime(job).await);
        *root = Some(Arc::clone(&cut));
        cut
    }

    /// The hints as a cut, for as long as they do.
    fn hints(&self, job: &Job) -> ZoneCut {
        let (servers, since) = (self.settings.root_hints.as_slice().into(), job.now());
        ZoneCut { apex: Name::root(), servers, since, expires: Some(since + UNPRIMED) }
    }

    /// Asks a root server for the root's servers; with no reply of use, the hints have to do for a while.
    async fn prime(&self, job: &Job) -> ZoneCut {
        let (root, hints) = (Name::root(), self.hints(job));
        let question = Question::new(root.clone(), RecordType::NS);
        job.tell(|| Step::Started { question: question.clone() });
        let mut campaign = self.known_addresses(&hints, job).campaign;
        let judge = |reply: &Message| read(reply, &question, job.limits());
        let (manner, opt) = (Manner::Authority, self.opt(&root, job));
        let asking = Asking { zone: &root, question: &question, manner, opt, give_up_after: TIMEOUTS };
        let Ok(useful) = self.upstream.ask(asking, &mut campaign, judge, job).await else { return hints };
        let (set, mut servers) = useful.kind;
        job.tell(|| Step::Heard {
            zone: root,
            host: useful.host,
            server: useful.server,
            transport: useful.transport,
            rtt: useful.rtt,
            what: Heard::Answer { records: set.rdatas.len() },
        });
        for server in &mut servers {
            // The additional section may have been too small for all addresses (RFC 9609 §4.2).
            if server.glue.is_empty()
                && let Some(hint) = self.settings.root_hints.iter().find(|hint| hint.host == server.host)
            {
                server.glue.clone_from(&hint.glue);
            }
        }
        if servers.iter().all(|server| server.glue.is_empty()) {
            return hints;
        }
        let now = job.now();
        let set = self.rrsets.insert(set, Rank::Authoritative, now);
        ZoneCut { servers: servers.into(), since: now, expires: Some(now + set.ttl.duration().max(UNPRIMED)), ..hints }
    }
}

/// The root's NS set and its servers' addresses, if the reply has them.
///
/// RFC 9609 §4 lets AA be expected. It is not demanded: whoever can forge the reply can set it, and private roots that
/// answer without it work all the same.
fn read(reply: &Message, question: &Question, limits: &Limits) -> Result<(RrSet, Vec<NameServer>), Fault> {
    let scrubbed = scrub(reply, question, &question.name, limits);
    if scrubbed.rcode != Rcode::NOERROR {
        return Err(Fault::Rcode(scrubbed.rcode));
    }
    let set = scrubbed.data.ok_or(Fault::Empty)?;
    let hosts = set.rdatas.iter().filter_map(|rdata| Name::from_wire(rdata).ok());
    let servers = hosts.map(|host| NameServer { glue: glue(&reply.additional, &host, &question.name), host }).collect();
    Ok((set, servers))
}

#[cfg(test)]
mod tests {
    use super::super::scrub::tests::reply;
    use super::*;
    use crate::dns::Header;

    #[test]
    fn only_noerror_primes() {
        // RFC 9609 §4.
        let question = Question::new(Name::root(), RecordType::NS);
        let primes = |flags, rcode| {
            let sections = [". 60 NS a.root.", "", "a.root. 60 A 192.0.2.1"];
            read(&reply(flags, rcode, sections), &question, &Limits::default()).is_ok()
        };
        assert!(primes(Header::AA, Rcode::NOERROR) && primes(0, Rcode::NOERROR));
        for code in 1..16 {
            assert!(!primes(Header::AA, Rcode(code)), "{code}");
        }
    }
}

//! One step of the walk at one zone: which of its servers were tried, how often, and with what success.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use crate::dns::Name;
use crate::job::{Job, Limit, Limits};
use crate::world::Transport;

use super::{Fault, Manner};

/// Servers that are asked when one has replied with nothing in it, and nobody with anything else (INT-18).
const EMPTY_RETRIES: u32 = 2;

/// A server that may be asked in this step.
#[derive(Clone, Debug)]
pub struct Target {
    /// The server's name, when it has one.
    pub host: Option<Name>,
    /// Its address.
    pub address: IpAddr,
    /// Its port, when it is not that of all servers.
    port: Option<u16>,
    /// Tries begun for this step.
    pub(super) sends: u32,
    /// Gave a reply that shows it is of no use for this step.
    pub(super) out: bool,
    /// TCP was tried for want of replies over UDP.
    pub(super) tried_tcp: bool,
    /// What it does with queries, as far as is known.
    pub(super) hope: Hope,
    /// What its tries, which may overlap, have in common; nothing before the first.
    progress: Option<Arc<Progress>>,
}

impl Target {
    /// Where it listens; `usual` is the port of all servers.
    pub(super) fn endpoint(&self, usual: u16) -> SocketAddr {
        SocketAddr::new(self.address, self.port.unwrap_or(usual))
    }

    /// Datagrams sent or about to be: a try that falls back to plain DNS sends more than one.
    pub(super) fn datagrams(&self) -> u32 {
        self.sends.max(self.progress.as_ref().map_or(0, |progress| progress.udp.load(Ordering::Relaxed)))
    }

    /// How many datagrams it gets.
    pub(super) const fn most_datagrams(&self, limits: &Limits) -> u32 {
        match self.hope {
            Hope::Usual => limits.sends_per_server,
            Hope::Silent => 1,
            Hope::Deaf => 1,
            Hope::Ignoring => {
                if limits.sends_per_server < 2 {
                    limits.sends_per_server
                } else {
                    2
                }
            }
        }
    }

    /// How far it was asked, to go on from there.
    pub(super) fn progress(&mut self) -> Arc<Progress> {
        Arc::clone(self.progress.get_or_insert_default())
    }

    /// Whether it had so many datagrams, and a stream, and said nothing.
    pub(super) fn is_mute_after(&self, datagrams: u32) -> bool {
        let is_mute = |progress: &Arc<Progress>| !progress.excused.load(Ordering::Relaxed);
        self.tried_tcp && self.datagrams() >= datagrams && self.progress.as_ref().is_some_and(is_mute)
    }

    /// Whether it is being asked over a stream.
    pub(super) fn is_on_stream(&self) -> bool {
        self.progress.as_ref().is_some_and(|progress| progress.on_stream.load(Ordering::Relaxed))
    }
}

/// What can be expected of a server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Hope {
    /// Nothing is known against it.
    #[default]
    Usual,
    /// It has not replied to others lately: one datagram will do.
    Silent,
    /// It answers over a stream alone: one datagram will show whether that is still so.
    Deaf,
    /// It replies, but not to questions for this type.
    Ignoring,
}

/// How far one server was asked one question.
#[derive(Debug, Default)]
pub(super) struct Progress {
    /// It replied to a datagram, and is now being asked over a stream: there is no use in another datagram.
    pub(super) on_stream: AtomicBool,
    udp: AtomicU32,
    tcp: AtomicU32,
    /// A bit for each try that is late.
    late: AtomicU32,
    /// It said something, of use or not, or was not asked all that it seems to have been asked.
    excused: AtomicBool,
}

/// Says, as long as it lives, that a try is late.
pub(super) struct Late<'a> {
    progress: &'a Progress,
    bit: u32,
}

impl Drop for Late<'_> {
    fn drop(&mut self) {
        self.progress.late.fetch_and(!self.bit, Ordering::Relaxed);
    }
}

impl Progress {
    /// The try of this number is late.
    pub(super) fn late(&self, number: u32) -> Late<'_> {
        let bit = bit_of(number);
        self.late.fetch_or(bit, Ordering::Relaxed);
        Late { progress: self, bit }
    }

    /// Whether the try of this number is late.
    pub(super) fn is_late(&self, number: u32) -> bool {
        self.late.load(Ordering::Relaxed) & bit_of(number) != 0
    }

    /// Counts one packet, whatever it looks like (RFC 9520 §3.1); `false`, and none may be sent, when there were `most`.
    pub(super) fn count(&self, transport: Transport, most: u32) -> bool {
        let one_more = |sent: u32| (sent < most).then_some(sent + 1);
        self.sent(transport).try_update(Ordering::Relaxed, Ordering::Relaxed, one_more).is_ok()
    }

    /// Something came from the server, or a bound of ours kept a query from it: it cannot be said that it does not reply.
    pub(super) fn excuse(&self) {
        self.excused.store(true, Ordering::Relaxed);
    }

    /// Whether another packet may be sent.
    pub(super) fn has_room(&self, transport: Transport, most: u32) -> bool {
        self.sent(transport).load(Ordering::Relaxed) < most
    }

    const fn sent(&self, transport: Transport) -> &AtomicU32 {
        match transport {
            Transport::Udp => &self.udp,
            Transport::Tcp => &self.tcp,
        }
    }
}

/// Of more tries than there are bits, nobody can tell the last ones apart, and nobody need.
const fn bit_of(number: u32) -> u32 {
    if number < u32::BITS { 1 << number } else { 1 << (u32::BITS - 1) }
}

/// The servers of a zone and what became of asking them. Survives a change of the question within the step, so that a
/// zone is never sent more than its share.
#[derive(Clone, Debug, Default)]
pub struct Campaign {
    pub(super) targets: Vec<Target>,
    pub(super) sends: u32,
    /// Replies with nothing in them.
    pub(super) empties: u32,
    /// Replies that are of no use for another reason.
    pub(super) objections: u32,
    /// Servers that had their share in an earlier step for the same question.
    spent: Vec<IpAddr>,
    /// The last thing that went wrong.
    pub last_fault: Option<Fault>,
}

impl Campaign {
    /// Adds a server, unless its address is there already; whether there is one more to ask.
    pub fn add(&mut self, host: Option<&Name>, address: IpAddr) -> bool {
        let address = address.to_canonical();
        if !self.has(address) {
            return self.push(host, address, None);
        }
        false
    }

    /// Adds a server that the operator named with its port, unless it is there already.
    pub fn add_endpoint(&mut self, endpoint: SocketAddr) {
        let (address, port) = (endpoint.ip().to_canonical(), Some(endpoint.port()));
        if !self.targets.iter().any(|target| (target.address, target.port) == (address, port)) {
            self.push(None, address, port);
        }
    }

    fn push(&mut self, host: Option<&Name>, address: IpAddr, port: Option<u16>) -> bool {
        let (host, out) = (host.cloned(), self.spent.contains(&address));
        self.targets.push(Target {
            host,
            address,
            port,
            sends: 0,
            out,
            tried_tcp: false,
            hope: Hope::default(),
            progress: None,
        });
        !out
    }

    /// Whether a server of this address is there.
    pub fn has(&self, address: IpAddr) -> bool {
        self.targets.iter().any(|target| target.address == address.to_canonical())
    }

    /// Leaves out, for good, the servers of `failed`.
    pub fn leave_out(&mut self, failed: &Self) {
        self.spent.extend(failed.targets.iter().map(|target| target.address));
        for target in &mut self.targets {
            target.out |= self.spent.contains(&target.address);
        }
        (self.objections, self.last_fault) = (failed.objections, failed.last_fault);
    }

    /// Leaves out, for good, the server at `address`.
    pub fn leave_out_server(&mut self, address: IpAddr) {
        let address = address.to_canonical();
        self.spent.push(address);
        for target in &mut self.targets {
            target.out |= target.address == address;
        }
    }

    /// How many servers there are to choose from.
    pub const fn len(&self) -> usize {
        self.targets.len()
    }

    /// Whether there is no server at all.
    pub const fn is_empty(&self) -> bool {
        self.targets.is_empty()
    }

    /// Lets every server be asked again: the question has changed.
    pub fn new_question(&mut self) {
        for target in &mut self.targets {
            (target.out, target.sends, target.tried_tcp) = (self.spent.contains(&target.address), 0, false);
            target.hope = Hope::default();
            target.progress = None;
        }
    }

    /// Whether the servers that reply do so with nothing in it: taken for "no such data" in the end. One that refuses
    /// or fails says that there may be more to know.
    pub const fn is_unanimously_empty(&self) -> bool {
        self.empties > 0 && self.objections == 0
    }

    /// Whether the zone may be sent anything more in this step.
    pub fn may_go_on(&self, job: &Job) -> bool {
        let is_settled = self.is_unanimously_empty() && self.empties > EMPTY_RETRIES;
        self.sends < job.sends_per_zone() && !is_settled
    }

    /// Whether it has been sent as many packets as that, in this step.
    pub const fn has_had(&self, most: u32) -> bool {
        self.sends >= most
    }

    /// Whether all who were asked are known not to reply.
    pub(super) fn is_silent(&self) -> bool {
        self.targets.iter().all(|target| target.hope == Hope::Silent || target.datagrams() == 0)
    }

    /// Whether there is a single server that may be of use.
    pub(super) fn is_alone(&self) -> bool {
        self.targets.iter().filter(|target| !target.out).count() == 1
    }

    /// Passes over a server, for now: too many wait for it.
    pub(super) fn pass_over(&mut self, index: usize) {
        if let Some(target) = self.targets.get_mut(index) {
            target.out = true;
        }
        self.objections += 1;
        self.last_fault.get_or_insert(Fault::Limit(Limit::JobsPerServer));
    }

    /// Whether the server of this index is busy with a stream.
    pub(super) fn is_on_stream(&self, index: usize) -> bool {
        self.targets.get(index).is_some_and(Target::is_on_stream)
    }

    pub(super) fn may_send(&self, target: &Target, manner: Manner, job: &Job) -> bool {
        // A question has few TCP queries. Those for the addresses of servers, which may be many and dead, leave them to it.
        // Nor is silence of one that recurses about datagrams: it may be waiting for us, if it forwards what we forward.
        let may_answer = !matches!(target.hope, Hope::Silent | Hope::Ignoring);
        let may_try_tcp = !target.tried_tcp && job.depth() == 0 && may_answer && !manner.wants_recursion();
        let has_more = target.datagrams() < target.most_datagrams(job.limits()) || may_try_tcp;
        !target.out && !target.is_on_stream() && self.may_go_on(job) && has_more
    }

    /// What went wrong last. A bound of the question's own stays: it is why the rest did not suffice.
    pub(super) fn note(&mut self, fault: Fault) {
        if !matches!(self.last_fault, Some(Fault::Limit(_))) {
            self.last_fault = Some(fault);
        }
    }
}

//! Server name → addresses: glue, then the cache, then a sub-question. The one recursion in Burdock.

use std::net::IpAddr;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::time::timeout;

use super::scrub::scrub;
use super::{Outcome, ResolveError, Resolver};
use crate::dns::{Message, Name, NameServer, Question, RecordType, RrSet, ZoneCut};
use crate::job::{Job, Limit, LimitName, Limits, count};
use crate::upstream::{Asking, Campaign, Manner};
use crate::world::BoxFuture;

/// How long look-ups are waited for before another one joins them.
const PATIENCE: Duration = Duration::from_millis(800);

/// The servers of one cut that can be asked, and those whose addresses were looked up, with what success.
#[derive(Clone, Debug, Default)]
pub(super) struct Contacts {
    pub(super) campaign: Campaign,
    looked_up: Vec<Name>,
    /// Look-ups begun, those included that were broken off.
    begun: u32,
    failed: u32,
    /// Why the first look-up that came to no end did not.
    open: Option<ResolveError>,
    desperate: bool,
}

impl Contacts {
    fn is_open(&self, server: &NameServer, cut: &ZoneCut) -> bool {
        !server.host.is_in(&cut.apex) && !self.looked_up.contains(&server.host)
    }

    /// A look-up ended with `error`.
    fn note(&mut self, error: ResolveError) {
        if error.is_open() && self.open.is_none() {
            self.open = Some(error.into_cause());
        }
    }

    /// What to say when no server of `zone` can be asked: nothing more, unless there may be some.
    fn verdict(&self, zone: &Name) -> Result<bool, ResolveError> {
        self.open
            .clone()
            .map_or(Ok(false), |cause| Err(ResolveError::AddressUnknown { zone: zone.clone(), cause: Box::new(cause) }))
    }

    /// Tells which bound keeps the servers that are left from being looked up, if one does.
    fn note_bound(&self, cut: &ZoneCut, job: &Job) {
        let bound = match job.limits() {
            limits if self.failed >= limits.failed_address_lookups => LimitName::FailedAddressLookups,
            limits if self.begun >= limits.address_lookups_per_delegation => LimitName::AddressLookupsPerDelegation,
            _ => return,
        };
        if !self.desperate && cut.servers.iter().any(|server| self.is_open(server, cut)) {
            job.reach(bound);
        }
    }

    const fn may_look_up(&self, limits: &Limits) -> bool {
        self.failed < limits.failed_address_lookups && self.begun < limits.address_lookups_per_delegation
    }
}

impl Resolver {
    /// The servers of `cut` whose addresses need no question.
    pub(super) fn known_addresses(&self, cut: &ZoneCut, job: &Job) -> Contacts {
        let mut contacts = Contacts::default();
        for server in cut.servers.iter() {
            // Glue is the parent's word about its child's servers; what the child says of them itself may be a ghost's.
            if self.add(&mut contacts, &server.host, server.glue.iter().copied()) > 0 {
                continue;
            }
            let families = [RecordType::A, RecordType::AAAA];
            let cached = families.map(|rtype| self.rrsets.set(&server.host, rtype, job.now()));
            self.add(&mut contacts, &server.host, cached.iter().flatten().flat_map(RrSet::addresses));
            let [four, six] = &cached;
            if (if self.upstream.families().0 { four } else { six }).is_some() {
                // Looking it up would find the same.
                contacts.looked_up.push(server.host.clone());
            }
        }
        contacts
    }

    /// Looks up addresses of servers not looked up yet and adds them to `contacts`; `false` when there is nothing left
    /// to look up, or nothing came of it.
    ///
    /// # Errors
    /// [`ResolveError`] when a bound of the whole question is reached, or nobody can be asked and that may be for want of time.
    pub(super) async fn more_addresses(
        &self,
        cut: &ZoneCut,
        contacts: &mut Contacts,
        job: &Job,
    ) -> Result<bool, ResolveError> {
        let mut running = FuturesUnordered::new();
        let (mut room, mut open) = (count(job.limits().address_lookups_at_once), Vec::new());
        loop {
            let hosts = self.next_hosts(cut, contacts, room, job);
            if hosts.len() == room && may_look_up_more(cut, contacts, job) {
                job.reach(LimitName::AddressLookupsAtOnce);
            }
            open.extend_from_slice(&hosts);
            running.extend(hosts.into_iter().map(|host| self.look_up(host, job)));
            if running.is_empty() {
                contacts.note_bound(cut, job);
                return match self.last_resort(cut, contacts, job).await {
                    false if contacts.campaign.is_empty() => contacts.verdict(&cut.apex),
                    found => Ok(found),
                };
            }
            let Ok(done) = timeout(PATIENCE, running.next()).await else {
                // Those asked for may have dead servers themselves; another joins while they are waited for.
                room = 1;
                continue;
            };
            let Some((host, result)) = done else { return Ok(false) };
            open.retain(|waiting| *waiting != host);
            room = count(job.limits().address_lookups_at_once).saturating_sub(running.len());
            let addresses = match result {
                Ok(addresses) => addresses,
                Err(ResolveError::Limit {
                    limit: limit @ (Limit::AddressLookups | Limit::UpstreamQueries), ..
                }) => {
                    let spent = ResolveError::Limit { limit, zone: cut.apex.clone() };
                    // Those that are known may be asked once more; if that is in vain, this is still why.
                    contacts.open.get_or_insert_with(|| spent.clone());
                    return Err(spent);
                }
                Err(error) => {
                    contacts.note(error);
                    Vec::new()
                }
            };
            let most = count(job.limits().addresses_per_server);
            if addresses.len() > most {
                job.reach(LimitName::AddressesPerServer);
            }
            if self.add(contacts, &host, addresses.into_iter().take(most)) > 0 {
                // One server that can be asked is enough to go on. If it is of no use, look-ups broken off begin anew.
                contacts.looked_up.retain(|host| !open.contains(host));
                return Ok(true);
            }
            contacts.failed += 1;
        }
    }

    /// Adds those of `addresses` that may be asked and are new; how many.
    fn add(&self, contacts: &mut Contacts, host: &Name, addresses: impl Iterator<Item = IpAddr>) -> usize {
        let usable = addresses.filter(|address| self.upstream.may_ask(*address));
        usable.filter(|address| contacts.campaign.add(Some(host), *address)).count()
    }

    /// Once, when everything else failed: the glue under which another delegation knows the same server, and for servers
    /// inside the zone whose glue is missing, what the parent's servers say when asked for it (RFC 9471 §3.1).
    async fn last_resort(&self, cut: &ZoneCut, contacts: &mut Contacts, job: &Job) -> bool {
        if std::mem::replace(&mut contacts.desperate, true) {
            return false;
        }
        let mut found = 0;
        for server in cut.servers.iter().filter(|server| !server.host.is_in(&cut.apex)) {
            for home in server.host.ancestors().filter_map(|apex| self.cuts.at(&apex, job.now())) {
                let same = home.servers.iter().filter(|known| known.host == server.host);
                found += self.add(contacts, &server.host, same.flat_map(|known| known.glue.iter().copied()));
            }
        }
        let missing = |server: &&NameServer| server.host.is_in(&cut.apex) && server.glue.is_empty();
        let Some(server) = cut.servers.iter().find(missing).filter(|_| contacts.campaign.is_empty()) else {
            return found > 0;
        };
        let addresses = self.ask_parent(cut, &server.host, job).await;
        self.add(contacts, &server.host, addresses.into_iter()) > 0
    }

    /// The addresses of `host`, a server inside the zone of `cut`, from the servers of the zone above.
    async fn ask_parent(&self, cut: &ZoneCut, host: &Name, job: &Job) -> Vec<IpAddr> {
        let Some(above) = cut.apex.parent() else { return Vec::new() };
        let known = self.cuts.closest(&above, job.now());
        let forwarded = self.forwards.closest(&above);
        let Some(parent) = forwarded.map(|zone| zone.beginning(known.clone())).or(known) else { return Vec::new() };
        let rtype = if self.upstream.families().0 { RecordType::A } else { RecordType::AAAA };
        let question = Question::new(host.clone(), rtype);
        let mut campaign = self.contacts(&parent, job).campaign;
        let (zone, opt) = (&parent.apex, self.opt(&parent.apex, job));
        let asking = Asking { zone, question: &question, manner: Manner::Authority, opt, give_up_after: 1 };
        let judge = |reply: &Message| {
            let scrubbed = scrub(reply, &question, &parent.apex, job.limits());
            let referred = scrubbed.delegation.into_iter().flat_map(|delegation| delegation.servers);
            let glue = referred.filter(|server| server.host == *host).flat_map(|server| server.glue);
            Ok(scrubbed.data.iter().flat_map(RrSet::addresses).chain(glue).collect::<Vec<_>>())
        };
        self.upstream.ask(asking, &mut campaign, judge, job).await.map(|useful| useful.kind).unwrap_or_default()
    }

    /// The next names to look up, at most `room`: any order, those without glue first. A name inside the zone itself can
    /// be found only through the very servers that are missing, so it is not asked for.
    fn next_hosts(&self, cut: &ZoneCut, contacts: &mut Contacts, room: usize, job: &Job) -> Vec<Name> {
        let mut left: Vec<_> = cut.servers.iter().filter(|server| contacts.is_open(server, cut)).collect();
        let mut chosen = Vec::new();
        while chosen.len() < room && !left.is_empty() && contacts.may_look_up(job.limits()) {
            let bare: Vec<usize> =
                (0..left.len()).filter(|i| left.get(*i).is_some_and(|s| s.glue.is_empty())).collect();
            let index = match bare.len() {
                0 => self.world.dice.below(left.len()),
                many => bare.get(self.world.dice.below(many)).copied().unwrap_or(0),
            };
            let host = left.swap_remove(index).host.clone();
            contacts.looked_up.push(host.clone());
            contacts.begun += 1;
            chosen.push(host);
        }
        chosen
    }

    /// The addresses of one server name, by a sub-question: IPv4 first, IPv6 only when there is none.
    fn look_up<'a>(&'a self, host: Name, job: &'a Job) -> BoxFuture<'a, LookedUp> {
        Box::pin(async move {
            if self.barren.is_host(&host, job.now()) {
                return (host, Ok(Vec::new()));
            }
            if let Err(limit) = job.budget().spend_address_lookup() {
                let zone = host.clone();
                return (host, Err(ResolveError::Limit { limit, zone }));
            }
            let (ipv4, ipv6) = self.upstream.families();
            let wanted = [(ipv4, RecordType::A), (ipv6, RecordType::AAAA)];
            let mut last = Ok(Vec::new());
            for (_, rtype) in wanted.into_iter().filter(|(wanted, _)| *wanted) {
                let question = Question::new(host.clone(), rtype);
                last = match job.descend(&question) {
                    Ok(sub) => self.resolve(&question, &sub).await.map(|resolution| match resolution.outcome {
                        Outcome::Found(set) => set.addresses().collect(),
                        Outcome::NoData(_) | Outcome::NxDomain(_) => Vec::new(),
                    }),
                    Err(limit) => Err(ResolveError::Limit { limit, zone: host.clone() }),
                };
                // Servers that stay silent about one family do so about the other.
                let is_in_vain = last.as_ref().is_err_and(|error| error.root().is_silence());
                if is_in_vain || last.as_ref().is_ok_and(|addresses: &Vec<_>| !addresses.is_empty()) {
                    break;
                }
            }
            if matches!(&last, Err(ResolveError::ServerIsAlias { .. })) || last.as_ref().is_ok_and(Vec::is_empty) {
                self.barren.found_host(&host, job.now());
            }
            (host, last)
        })
    }
}

/// Whether there are servers of the cut whose addresses may still be looked up.
pub(super) fn may_look_up_more(cut: &ZoneCut, contacts: &Contacts, job: &Job) -> bool {
    contacts.may_look_up(job.limits()) && cut.servers.iter().any(|server| contacts.is_open(server, cut))
}

/// Keeps at most `most` addresses of each family; whether there were more.
pub(super) fn bound_glue(server: &mut NameServer, most: usize) -> bool {
    let (mut four, mut six, all) = (0, 0, server.glue.len());
    server.glue.retain(|address| {
        let count = if address.is_ipv4() { &mut four } else { &mut six };
        *count += 1;
        *count <= most
    });
    server.glue.len() < all
}

type LookedUp = (Name, Result<Vec<IpAddr>, ResolveError>);

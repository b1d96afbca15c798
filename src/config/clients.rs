//! What is set about clients: who may ask, whose address is believed, what cookies are made with, how much anyone gets,
//! and what nobody is told.

use std::path::Path;

use crate::dns::Name;
use crate::dns::cookie::Secret;
use crate::policy::{self, AnyAnswers, RateSettings, RebindingSettings, cookies};

use super::check::choose;
use super::given::Given;
use super::problem::Complaint;
use super::{networks, value};

/// Reads it all.
pub fn policy(given: &mut Given, base: &Path) -> Option<policy::Settings> {
    let access = access(given);
    let per_client = given.one("access.rate-limit.per-client", value::rate);
    let per_question = given.one("access.rate-limit.per-question", value::rate);
    let cookies = cookies(given, base);
    let special_use = given.one("local.special-use", value::flag);
    let any =
        given.one("answers.any", |text| choose(text, &[("short", AnyAnswers::Short), ("full", AnyAnswers::Full)]));
    let rebinding = rebinding(given);
    Some(policy::Settings {
        access: access?,
        cookies: cookies?,
        rate: RateSettings { per_client: per_client?, per_question: per_question? },
        special_use: special_use?,
        elsewhere: Vec::new(),
        any: any?,
        rebinding: rebinding?,
    })
}

fn access(given: &mut Given) -> Option<policy::AccessSettings> {
    let allow = given.list("access.allow", value::network);
    let deny = given.list("access.deny", value::network);
    let snoop = given.list("access.snoop", value::network);
    let exempt = given.list("access.exempt", value::network);
    let believed = match given.is_word("access.believed", "default") {
        true => Some(networks::private()),
        false => given.list("access.believed", value::network),
    };
    let (allow, deny) = (allow?, deny?);
    for (i, net) in deny.iter().enumerate().filter(|(_, net)| allow.contains(net)) {
        let reason = format!("`{net}` is allowed and denied");
        given.complain_item("access.deny", i, Complaint::new(reason, "keep it in one of the two lists"));
    }
    Some(policy::AccessSettings { allow, deny, snoop: snoop?, believed: believed?, exempt: exempt? })
}

/// Read also when it is off, so that mistakes are found.
fn rebinding(given: &mut Given) -> Option<Option<RebindingSettings>> {
    let protect = given.one("rebinding.protect", value::flag);
    let networks = match given.is_word("rebinding.networks", "default") {
        true => Some(networks::inner()),
        false => given.list("rebinding.networks", value::network),
    };
    let allow = given.list(ALLOW, domain);
    let (protect, networks, allow) = (protect?, networks?, allow?);
    for (index, domain) in
        allow.iter().enumerate().filter(|(index, domain)| allow.iter().take(*index).any(|other| other == *domain))
    {
        let reason = format!("`{domain}` is already in the list");
        given.complain_item(ALLOW, index, Complaint::new(reason, "remove one of the two"));
    }
    if networks.is_empty() {
        let complaint = Complaint::new(
            "there is no network whose addresses are kept back",
            "write `protect: false` if that is meant",
        );
        given.complain("rebinding.networks", complaint);
    }
    Some(protect.then_some(RebindingSettings { networks, allow }))
}

fn domain(text: &str) -> Result<Name, Complaint> {
    let name: Name = text.parse().map_err(|_| {
        Complaint::new(
            format!("`{text}` is no domain name"),
            "write a name, such as `plex.direct`; it stands for all below it, too",
        )
    })?;
    if name.is_root() {
        return Err(Complaint::new("this lets every name there is pass", "write `protect: false` if that is meant"));
    }
    value::without_wildcard(text, name)
}

fn cookies(given: &mut Given, base: &Path) -> Option<cookies::Settings> {
    given.one("access.cookies", |text| match text {
        "random" => Ok(cookies::Settings::Random),
        "off" => Ok(cookies::Settings::Off),
        path => secrets(&base.join(path)).map(cookies::Settings::Shared),
    })
}

/// The secrets in a file: 32 hexadecimal digits on a line each; `#` starts a comment.
fn secrets(path: &Path) -> Result<Vec<Secret>, Complaint> {
    let remedy = "write `random`, `off`, or the path of a file with one or two lines of 32 hexadecimal digits each";
    let wrong = |why: String| Complaint::new(format!("{} holds no secrets for cookies: {why}", path.display()), remedy);
    let text = std::fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
    let lines = text.lines().map(|line| line.split('#').next().unwrap_or_default().trim());
    let numbered = (1..).zip(lines).filter(|(_, line)| !line.is_empty());
    let secrets = numbered.map(|(number, line)| {
        let octets = data_encoding::HEXLOWER_PERMISSIVE.decode(line.as_bytes()).ok();
        let secret = octets.and_then(|octets| Secret::try_from(octets).ok());
        // The line itself is nobody's business.
        secret.ok_or_else(|| wrong(format!("line {number} is not 32 hexadecimal digits")))
    });
    let secrets: Vec<Secret> = secrets.collect::<Result<_, _>>()?;
    match secrets.len() {
        1..=MOST_SECRETS => Ok(secrets),
        0 => Err(wrong("it is empty".to_owned())),
        many => Err(wrong(format!("{many} are too many: each is tried on every false cookie"))),
    }
}

const ALLOW: &str = "rebinding.allow";
/// The one in force, the one before, and the one to come.
const MOST_SECRETS: usize = 3;

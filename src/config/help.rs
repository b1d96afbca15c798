//! The long help: examples, files and exit status of every command.

pub const ABOUT: &str = "A recursive, validating, caching DNS resolver";

pub const LONG: &str = "\
Burdock is a recursive, validating, caching DNS resolver: ask it for a name, and it walks from the
servers of the root zone down to those that know, checks their signatures, and remembers what it
learnt. Point /etc/resolv.conf or your DHCP server at it, ask it with dig, and look over its shoulder
with `burdock trace`.";

pub const AFTER: &str = "\
Examples:
  burdock                                 answer on 127.0.0.1:53 and [::1]:53
  burdock --listen 127.0.0.1:5353         the same, without being root
  burdock trace www.example.com           how that name is found, step by step
  burdock playground --once               the same in a miniature Internet, without any network
  burdock check --print                   the configuration in force

Files:
  /etc/burdock/burdock.yaml               the configuration; may be absent

Exit status:
  0  done
  1  it could not be done; standard error says what, why, and what to do
  2  wrong usage, or a wrong configuration";

pub const SERVE: &str = "\
Burdock stays in the foreground and writes its log to standard error. SIGTERM and SIGINT end it in
order: questions in progress get their answers first. SIGHUP, SIGUSR1 and SIGUSR2 change nothing.

Examples:
  burdock serve
  burdock serve --listen 127.0.0.1:5353 --listen '[::1]:5353' --workers 2
  burdock serve --config ./burdock.yaml

Files:
  /etc/burdock/burdock.yaml               the configuration; may be absent

Exit status:
  0  ended by a signal, in order
  1  it could not start, for example because the port is taken
  2  wrong usage, or a wrong configuration";

pub const CHECK: &str = "\
Reads the whole configuration and prints every problem on standard error, not only the first: file,
line and column, the key, the reason, and below it what to do. What is allowed and probably not meant
is a warning: everybody may ask, or the machine is smaller than the settings. Below a right configuration
stand the trust anchors that signatures begin from, and what is excepted. Nothing is started.

Examples:
  burdock check
  burdock check ./burdock.yaml
  burdock check --print                   every key, its value, and where the value comes from
  burdock check --schema > burdock.schema.json

Files:
  /etc/burdock/burdock.yaml               the configuration; may be absent

Exit status:
  0  the configuration is right, perhaps with warnings
  2  it is not";

pub const QUERY: &str = "\
The name is resolved inside this process, from the root down; no server needs to run. With @SERVER
that server is asked instead. The output is what users of dig expect; behind it stand the time it took
and the number of queries that went to other servers.

Words:
  NAME            the name asked about; for 192.0.2.45 that is 45.2.0.192.in-addr.arpa PTR
  TYPE            A (the default), AAAA, MX, NS, TXT, SOA, SRV, PTR, CAA, HTTPS …, or TYPE65280
  @SERVER[:PORT]  the address of a server to ask; a name will not do
  +dnssec         ask for signatures too
  +tcp            ask SERVER over TCP; without it TCP is used when the UDP reply is truncated

Examples:
  burdock query www.example.com
  burdock query example.com MX
  burdock query @127.0.0.1:5353 example.com AAAA +tcp
  burdock query example.com --json

Files:
  /etc/burdock/burdock.yaml               the configuration; may be absent

Exit status:
  0  there was a reply, NXDOMAIN included
  1  there was none, or it says SERVFAIL, REFUSED or another failure
  2  wrong usage, or a wrong configuration";

pub const TRACE: &str = "\
The name is resolved inside this process with empty caches, and every step is shown: the zone, the
server that was asked and its address, how the query travelled, how long the reply took, and what the
reply was: a referral, an alias, an answer, a denial, or a fault. Look-ups of servers' addresses are
indented. The end says what the walk has spent of its bounds, and why it failed if it failed.

Examples:
  burdock trace www.example.com
  burdock trace example.com MX
  burdock trace example.com --json

Files:
  /etc/burdock/burdock.yaml               the configuration; may be absent

Exit status:
  0  the walk came to an answer, NXDOMAIN included
  1  it did not
  2  wrong usage, or a wrong configuration";

pub const PLAYGROUND: &str = "\
A root zone, top-level domains, and zones below them, some in order and some broken, each served on a
loopback address of its own (127.53.0.0/16) by a small authoritative server inside this process. The
resolver walks them exactly as it walks the Internet. No network and no privileges are needed.

Examples:
  burdock playground                      prints its address and questions to try with dig
  burdock playground --listen 127.0.0.1:5353
  burdock playground --once               walks root, edu, umass.edu, cs.umass.edu, and ends
  burdock playground --once www.ibm.com   the same for another name

Exit status:
  0  done, or ended by a signal
  1  it could not start
  2  wrong usage";

pub const COMPLETIONS: &str = "\
Examples:
  burdock completions bash > /usr/share/bash-completion/completions/burdock
  burdock completions zsh  > /usr/share/zsh/site-functions/_burdock
  burdock completions fish > /usr/share/fish/vendor_completions.d/burdock.fish";

pub const MAN: &str = "\
Examples:
  burdock man        > /usr/share/man/man1/burdock.1
  burdock man query  > /usr/share/man/man1/burdock-query.1";

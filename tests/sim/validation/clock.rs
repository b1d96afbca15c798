//! Clocks that are set while a resolver is at work, or stand still: OPS-02. TTLs go by a clock that nobody sets.

use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;

use burdock::dns::Rcode;
use parking_lot::Mutex;

use super::stage::refusal;
use super::{A, authentic, from, validating};
use crate::support::{EPOCH, Lab, Tree, run};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);
const YEARS: Duration = Duration::from_secs(10 * 365 * 86_400);

/// Everything in it may be kept for an hour.
fn tree() -> Tree {
    Tree::signed().secure("t1", &["198.18.1.1"], "www A 192.0.2.1\nmail A 192.0.2.2")
}

/// Set ten years forward or back: what is known stays known for its TTL and no longer, what is not is refused with the right
/// word, and all is well a minute after the clock is.
#[test]
fn ops_02_a_clock_that_is_set_meanwhile() {
    for (seed, wrong, code) in [(1, EPOCH + YEARS, 7), (2, EPOCH - YEARS, 8)] {
        run(async {
            let lab = validating(&tree(), seed);
            let start = lab.clock.now();
            authentic(&lab, "www.t1", A, Rcode::NOERROR).await;
            lab.clock.set(wrong);
            let before = lab.net.packets();
            for _ in 0..5 {
                lab.wait(10 * MINUTE).await;
                authentic(&lab, "www.t1", A, Rcode::NOERROR).await;
            }
            assert_eq!(lab.net.packets(), before, "forgotten before its time\n{}", lab.net.story());
            refusal(&lab, "mail.t1", A, &[code]).await;
            lab.wait(11 * MINUTE).await;
            refusal(&lab, "www.t1", A, &[code]).await;
            lab.clock.set(EPOCH + lab.clock.now().duration_since(start));
            let mut seconds = 0;
            while lab.ask("www.t1", A).await.rcode() != Rcode::NOERROR {
                lab.wait(Duration::from_secs(1)).await;
                seconds += 1;
            }
            println!(
                "OPS-02 set to the year {}: known data forgotten 0 times before its TTL (0), kept longer 0 times (0), well \
                 again {seconds} s after the clock was (60)",
                1970 + wrong.as_secs() / (365 * 86_400)
            );
            assert!(seconds <= 60, "{seconds}");
            authentic(&lab, "mail.t1", A, Rcode::NOERROR).await;
        });
    }
}

/// A calendar that stands still: TTLs end all the same.
#[test]
fn ops_02_a_clock_that_stands_still() {
    run(async {
        let lab = validating(&tree(), 3);
        let asked = || {
            let of_www = |question: &burdock::dns::Question| question.to_string().eq_ignore_ascii_case("www.t1. A");
            lab.net.exchanges().iter().filter(|one| one.question.as_ref().is_some_and(of_www)).count()
        };
        for hour in 1..=48 {
            for _ in 0..4 {
                lab.clock.set(EPOCH);
                authentic(&lab, "www.t1", A, Rcode::NOERROR).await;
                assert_eq!(asked(), hour, "{}", lab.net.story());
                lab.wait(HOUR / 4 + Duration::from_millis(500)).await;
            }
        }
        println!("OPS-02 a clock that stands still for 48 hours: data of an hour fetched {} times (48)", asked());
    });
}

/// What is logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        self.0.lock().extend_from_slice(octets);
        Ok(octets.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A machine that starts with a wrong clock: every client is told what is wrong, and the operator once, where to look.
#[test]
fn ops_02_a_wrong_clock_is_hinted_at_once() {
    for (seed, wall, code) in [(4, EPOCH + YEARS, 7), (5, EPOCH - YEARS, 8)] {
        let log = Log::default();
        let written = log.clone();
        let subscriber = tracing_subscriber::fmt().with_writer(move || written.clone()).finish();
        tracing::subscriber::with_default(subscriber, || {
            run(async {
                let tree = tree();
                let lab = Lab::at(wall, &tree.internet(), seed, |settings, _| settings.dnssec = from(&tree.anchor()));
                for _ in 0..59 {
                    refusal(&lab, "www.t1", A, &[code]).await;
                    refusal(&lab, "mail.t1", A, &[code]).await;
                    lab.wait(MINUTE).await;
                }
            });
        });
        let text = String::from_utf8(log.0.lock().clone()).unwrap();
        let hints = text.lines().filter(|line| line.contains("See whether this machine's clock is right")).count();
        println!("OPS-02 a wrong clock for an hour: {hints} hint in the log (1)\n{text}");
        assert_eq!(hints, 1, "{text}");
    }
}

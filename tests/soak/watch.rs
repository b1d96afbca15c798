//! The real binary from outside: started, killed, told to end; its memory, its descriptors and what it logs.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::internet::{World, burdock_address};

/// Octets that the caches may take: soon full, so that what grows after that is a leak.
const CACHE: &str = "4MiB";

/// Where Burdock runs, and what it said in all of its lives.
pub struct Place {
    folder: PathBuf,
    pub address: SocketAddr,
    log: Arc<Mutex<Vec<String>>>,
}

/// One life of it; killed when dropped.
pub struct Life {
    child: Child,
    began: Instant,
    /// Seconds since it began, KiB resident, descriptors.
    pub samples: Vec<(f64, f64, f64)>,
    /// Seconds after it began at which what is asked changed.
    warms_from: f64,
}

/// What a process holds open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Descriptors {
    pub all: usize,
    /// TCP sockets that are connected or waiting to be closed.
    pub connections: usize,
}

impl Place {
    /// Configuration, hints and anchor in a folder of its own; a port that is free.
    pub fn new(world: &World) -> Self {
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("soak-{}", std::process::id()));
        fs::create_dir_all(folder.join("state")).unwrap();
        let address = std::net::UdpSocket::bind(burdock_address(0)).unwrap().local_addr().unwrap();
        let write = |name: &str, text: &str| fs::write(folder.join(name), text).unwrap();
        write("hints", &world.hints);
        write("anchor", &world.anchor);
        write(
            "burdock.yaml",
            &format!(
                "listen: [\"{address}\"]\nworkers: 2\ncache: {{ size: {CACHE} }}\nresolver:\n  root-hints: hints\n  \
                 upstream-port: {}\n  never-ask: []\n  ipv6: false\ndnssec:\n  trust-anchors: anchor\n  \
                 trust-anchor-rollover: {}\n",
                world.upstream_port,
                folder.join("state").display()
            ),
        );
        Self { folder, address, log: Arc::default() }
    }

    /// Starts it. Whether it answers is another question.
    pub fn start(&self) -> Life {
        let mut child = Command::new(env!("CARGO_BIN_EXE_burdock"))
            .args(["serve", "--config"])
            .arg(self.folder.join("burdock.yaml"))
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let log = Arc::clone(&self.log);
        // Ends with the process that it reads from.
        thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                let mut log = log.lock();
                let is_calm = line.contains(" INFO ") && log.len() > MOST_LINES / 2;
                if log.len() < MOST_LINES && !is_calm {
                    log.push(line);
                }
            }
        });
        Life { child, began: Instant::now(), samples: Vec::new(), warms_from: 0.0 }
    }

    /// Lines of the log that must not be there: of a panic, of a state that was torn, of a port that was taken.
    pub fn alarms(&self) -> Vec<String> {
        let bad = ["panicked", "cannot be used", "cannot be kept", "cannot start", "ERROR", "overflow"];
        self.log.lock().iter().filter(|line| bad.iter().any(|word| line.contains(word))).cloned().collect()
    }

    pub fn last_lines(&self) -> String {
        let log = self.log.lock();
        log.iter().rev().take(20).rev().map(|line| format!("    {line}\n")).collect()
    }

    /// Complains about a state that is not whole. There is none before the first start.
    pub fn torn_state(&self) -> Option<String> {
        let folder = self.folder.join("state");
        let names = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let aside: Vec<String> = names.filter(|name| name.ends_with(".unusable")).collect();
        if !aside.is_empty() {
            return Some(format!("a state was put aside: {aside:?}"));
        }
        let path = folder.join("root.state");
        let text = fs::read_to_string(&path).ok()?;
        let last = text.lines().last().unwrap_or_default();
        (!last.starts_with("end ") || !text.ends_with('\n')).then(|| format!("torn: {}: {text}", path.display()))
    }

    pub fn has_state(&self) -> bool {
        self.folder.join("state/root.state").exists()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

impl Life {
    /// `kill -9`.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// SIGTERM: how long it took to end, and with which status.
    pub fn terminate(&mut self) -> (Duration, Option<i32>) {
        let asked = Instant::now();
        let told = Command::new("kill").args(["-s", "TERM", &self.child.id().to_string()]).status().unwrap();
        assert!(told.success());
        while asked.elapsed() < PATIENCE {
            if let Some(status) = self.child.try_wait().unwrap() {
                return (asked.elapsed(), status.code());
            }
            thread::sleep(Duration::from_millis(5));
        }
        (asked.elapsed(), None)
    }

    /// The status with which it ended although nobody told it to.
    pub fn ended(&mut self) -> Option<String> {
        self.child.try_wait().unwrap().map(|status| status.to_string())
    }

    /// Takes a sample; returns KiB resident and descriptors.
    pub fn sample(&mut self) -> (f64, Descriptors) {
        let (resident, open) = (self.resident(), self.descriptors());
        self.samples.push((self.began.elapsed().as_secs_f64(), resident, open.all as f64));
        (resident, open)
    }

    /// Other questions are asked from now on: what it needs for them is no growth.
    pub fn warms_up_again(&mut self) {
        self.warms_from = self.began.elapsed().as_secs_f64();
    }

    /// KiB resident; none when the process is gone.
    fn resident(&self) -> f64 {
        let status = fs::read_to_string(self.proc("status")).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
        line.trim().trim_end_matches(" kB").trim().parse().unwrap_or(0.0)
    }

    pub fn descriptors(&self) -> Descriptors {
        let links = fs::read_dir(self.proc("fd")).into_iter().flatten().flatten();
        let targets: Vec<String> = links
            .filter_map(|link| fs::read_link(link.path()).ok())
            .map(|target| target.to_string_lossy().into_owned())
            .collect();
        let tcp = fs::read_to_string(self.proc("net/tcp")).unwrap_or_default();
        // The tenth column is the inode; the fourth the state, 0A when it listens.
        let connected = tcp.lines().skip(1).filter_map(|line| {
            let columns: Vec<&str> = line.split_whitespace().collect();
            (columns.len() > 9 && columns[3] != "0A").then(|| format!("socket:[{}]", columns[9]))
        });
        let connected: std::collections::BTreeSet<String> = connected.collect();
        let connections = targets.iter().filter(|target| connected.contains(*target)).count();
        Descriptors { all: targets.len(), connections }
    }

    fn proc(&self, file: &str) -> PathBuf {
        Path::new("/proc").join(self.child.id().to_string()).join(file)
    }

    pub fn age(&self) -> Duration {
        self.began.elapsed()
    }

    /// Memory and descriptors after the warm-up: growth in ten minutes as a part of the mean, by least squares.
    pub fn slopes(&self) -> Option<Slopes> {
        let age = self.began.elapsed().as_secs_f64() - self.warms_from;
        let warm = self.warms_from + WARM_UP.min(age / 3.0);
        let late: Vec<_> = self.samples.iter().copied().filter(|(at, ..)| *at >= warm).collect();
        let window = late.last()?.0 - late.first()?.0;
        let slope = |values: Vec<(f64, f64)>| growth(&values).unwrap_or_default() * 600.0;
        Some(Slopes {
            window: Duration::from_secs_f64(window),
            resident: slope(late.iter().map(|(at, resident, _)| (*at, *resident)).collect()),
            descriptors: slope(lowest(&late)),
            largest: self.samples.iter().map(|(_, resident, _)| *resident).fold(0.0, f64::max),
        })
    }
}

impl Drop for Life {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// How a life's memory and descriptors grew.
#[derive(Clone, Copy, Debug)]
pub struct Slopes {
    pub window: Duration,
    pub resident: f64,
    pub descriptors: f64,
    /// KiB.
    pub largest: f64,
}

/// The fewest descriptors in each part of a life. Those of questions in progress come and go; one that leaked stays.
fn lowest(samples: &[(f64, f64, f64)]) -> Vec<(f64, f64)> {
    let parts = samples.chunks(SAMPLES_OF_A_PART);
    parts.filter_map(|part| part.iter().map(|(at, _, open)| (*at, *open)).min_by(|a, b| a.1.total_cmp(&b.1))).collect()
}

/// Growth per second as a part of the mean.
pub fn growth(points: &[(f64, f64)]) -> Option<f64> {
    let count = points.len() as f64;
    let mean = |value: fn(&(f64, f64)) -> f64| points.iter().map(value).sum::<f64>() / count;
    let (x, y) = (mean(|point| point.0), mean(|point| point.1));
    let over: f64 = points.iter().map(|point| (point.0 - x) * (point.1 - y)).sum();
    let under: f64 = points.iter().map(|point| (point.0 - x).powi(2)).sum();
    (under > 0.0 && y > 0.0).then(|| over / under / y)
}

/// How long a process may take to do what it was told.
const PATIENCE: Duration = Duration::from_secs(10);
/// Seconds in which the caches fill, the slowest of them from a few questions a second, and the allocator finds its size; a
/// third of shorter lives.
const WARM_UP: f64 = 420.0;
/// Samples are taken once a second in long runs.
const SAMPLES_OF_A_PART: usize = 60;
/// Lines of the log that are kept.
const MOST_LINES: usize = 10_000;

//! Child processes that end with the test, and waiting for what they do without sleeping blindly.

use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// A server in the foreground. Told to end when dropped; the kernel tells it too should the test itself die.
pub struct Server {
    child: Child,
    name: String,
}

impl Server {
    /// Starts `command` in `folder`, its output in `folder/log`.
    pub fn start(command: &[&str], folder: &Path) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        let log = File::create(folder.join("log"))?;
        let child = Command::new("setpriv")
            .args(["--pdeathsig", "TERM"])
            .args(command)
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()?;
        Ok(Self { child, name: command.join(" ") })
    }

    /// Its process ID.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Whether it has ended, and how.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("a child can be waited for")
    }

    /// Sends a signal by name.
    pub fn signal(&self, name: &str) {
        assert!(send(name, self.id()), "could not send {name} to {}", self.name);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.ended().is_some() {
            return;
        }
        // In order first: NSD ends the processes it has forked.
        send("TERM", self.id());
        if within(Duration::from_secs(5), || self.ended()).is_none() {
            eprintln!("{} did not end when told to; killed", self.name);
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// The shell's own `kill`: the command is not on every machine.
fn send(signal: &str, process: u32) -> bool {
    let kill = format!("kill -{signal} {process}");
    Command::new("sh").args(["-c", &kill]).status().is_ok_and(|status| status.success())
}

/// Asks `probe` again and again until it has an answer or the time is over.
pub fn within<T>(limit: Duration, mut probe: impl FnMut() -> Option<T>) -> Option<T> {
    let deadline = Instant::now() + limit;
    loop {
        if let Some(found) = probe() {
            return Some(found);
        }
        if Instant::now() > deadline {
            return None;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

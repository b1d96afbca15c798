//! Processes and processors: where a process runs, what it has used, how it is started and ended.

use std::fs;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The processors this process may use.
pub fn cores() -> Vec<usize> {
    // SAFETY: a plain C structure for which all zeros is a valid value; the call fills it.
    let set = unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        libc::sched_getaffinity(0, size_of::<libc::cpu_set_t>(), &raw mut set);
        set
    };
    // SAFETY: the index is below the size of the set.
    (0..libc::CPU_SETSIZE as usize).filter(|core| unsafe { libc::CPU_ISSET(*core, &set) }).collect()
}

/// Binds the calling thread to one processor.
pub fn pin(core: usize) {
    pin_to(&[core]);
}

fn pin_to(cores: &[usize]) {
    // SAFETY: a plain C structure; each index is below the size of the set.
    unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        for core in cores {
            libc::CPU_SET(*core, &mut set);
        }
        libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &raw const set);
    }
}

/// Asks for a larger share of the processors, for this process and those it starts: others use the machine too.
pub fn insist(nice: i32) {
    // SAFETY: plain numbers. Without the privilege neither has an effect.
    unsafe {
        libc::setpriority(libc::PRIO_PROCESS, 0, nice);
        // Linux shares processors between sessions first: a session of our own, which ends with whoever started us.
        if libc::setsid() < 0 {
            return;
        }
        libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGTERM);
    }
    let _ = fs::write("/proc/self/autogroup", nice.to_string());
}

/// Moves this process into a network of its own, with nothing but loopback.
pub fn leave_the_network() -> io::Result<()> {
    // SAFETY: plain numbers; called before any thread is started.
    if unsafe { libc::unshare(libc::CLONE_NEWNET) } != 0 {
        return Err(io::Error::last_os_error());
    }
    let up = Command::new("ip").args(["link", "set", "lo", "up"]).status()?;
    if up.success() { Ok(()) } else { Err(io::Error::other("cannot bring loopback up")) }
}

/// A child that is ended when it is dropped, and killed when this process dies.
pub struct Running {
    child: Child,
}

impl Running {
    /// Starts `command` on `cores`; what it says goes to `log`.
    pub fn start(command: &mut Command, cores: &[usize], log: &Path) -> io::Result<Self> {
        let (out, err) = (fs::File::create(log)?, fs::OpenOptions::new().append(true).open(log)?);
        let cores = cores.to_vec();
        let prepare = move || {
            pin_to(&cores);
            // SAFETY: plain numbers.
            unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };
            Ok(())
        };
        command.stdin(Stdio::null()).stdout(out).stderr(err);
        // SAFETY: only system calls between fork and exec.
        unsafe { command.pre_exec(prepare) };
        Ok(Self { child: command.spawn()? })
    }

    pub fn has_ended(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(Some(_)) | Err(_))
    }

    /// CPU time spent so far by all threads, user and system.
    pub fn cpu(&self) -> Duration {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.child.id()));
        let nanos = |path: std::path::PathBuf| {
            let text = fs::read_to_string(path.join("schedstat")).ok()?;
            text.split_whitespace().next()?.parse::<u64>().ok()
        };
        Duration::from_nanos(tasks.into_iter().flatten().flatten().filter_map(|task| nanos(task.path())).sum())
    }

    /// Resident memory, in octets, mapped files included: one of the peers keeps its cache in such a file.
    pub fn resident(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line.and_then(|line| line.split_whitespace().next()).and_then(|word| word.parse::<u64>().ok());
        kib.unwrap_or(0) * 1024
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // SAFETY: plain numbers; the child has not been waited for, so the number is still its own.
        unsafe { libc::kill(self.child.id() as libc::pid_t, libc::SIGTERM) };
        let asked = Instant::now();
        while asked.elapsed() < MANNERS && !self.has_ended() {
            std::thread::sleep(Duration::from_millis(5));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// How long a child may take to end when asked to.
const MANNERS: Duration = Duration::from_secs(3);

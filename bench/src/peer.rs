//! A server in its own process, what it costs, and its end.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use crate::Outcome;

/// The cores that the server and the load run on.
const SERVER: usize = 0;
pub(crate) const LOAD: usize = 1;

/// A server in its own process; killed when dropped.
pub(crate) struct Peer {
    child: Child,
    pub(crate) url: String,
    /// Kept for as long as the server runs.
    data: Option<tempfile::TempDir>,
}

/// What a server has used up.
#[derive(Clone, Copy)]
pub(crate) struct Used {
    pub(crate) cpu: f64,
    pub(crate) rss: u64,
}

impl Peer {
    /// The samewire server.
    pub(crate) fn samewire() -> Outcome<Self> {
        Self::samewire_on(|program| pinned(program, SERVER), "")
    }

    /// The same, free to use every core.
    pub(crate) fn samewire_unpinned() -> Outcome<Self> {
        Self::samewire_on(|program| Command::new(program), "")
    }

    /// The samewire server with this configuration.
    pub(crate) fn samewire_with(config: &str) -> Outcome<Self> {
        Self::samewire_on(|program| pinned(program, SERVER), config)
    }

    /// The samewire server, whose command is prepared by this.
    pub(crate) fn samewire_prepared(prepare: impl Fn(&mut Command)) -> Outcome<Self> {
        let command = |program: &Path| {
            let mut command = pinned(program, SERVER);
            prepare(&mut command);
            command
        };
        Self::samewire_on(command, "")
    }

    fn samewire_on(command: impl Fn(&Path) -> Command, config: &str) -> Outcome<Self> {
        let program = std::env::var_os("SAMEWIRE_BIN").map_or_else(|| PathBuf::from("target/release/samewire"), PathBuf::from);
        let data = tempfile::tempdir_in(folder()?)?;
        let mut command = command(&program);
        let file = data.path().join("samewire.toml");
        std::fs::write(&file, config)?;
        command.args(["serve", "--dev", "--listen", "127.0.0.1:0", "--data"]).arg(data.path()).arg("--config").arg(file);
        command.env("SAMEWIRE_LOG", "warn").env("SAMEWIRE_STREAMS_ANONYMOUS_QUOTA", "16 GiB");
        Self::start(command, Some(data))
    }

    /// One of the servers in `servers/`.
    pub(crate) fn compared(name: &str) -> Outcome<Self> {
        let mut command = pinned(&std::env::current_exe()?, SERVER);
        command.args(["--serve", name]);
        Self::start(command, None)
    }

    /// Socket.IO of npm, with this program.
    pub(crate) fn socket_io(program: &str) -> Outcome<Self> {
        let mut command = pinned(Path::new("node"), SERVER);
        command.arg(format!("bench/npm/{program}.mjs")).env("NODE_ENV", "production");
        Self::start(command, None)
    }

    /// The tus server of npm, with its file store.
    pub(crate) fn tus() -> Outcome<Self> {
        let data = tempfile::tempdir_in(folder()?)?;
        let mut command = pinned(Path::new("node"), SERVER);
        command.arg("bench/npm/tus-server.mjs").arg(data.path());
        Self::start(command, Some(data))
    }

    /// Metacom's own server of npm, which writes to its data folder.
    pub(crate) fn metacom(prepare: impl Fn(&mut Command)) -> Outcome<Self> {
        let data = tempfile::tempdir_in(folder()?)?;
        let mut command = pinned(Path::new("node"), SERVER);
        command.arg("bench/npm/metacom-server.mjs").arg(data.path()).env("NODE_ENV", "production");
        prepare(&mut command);
        Self::start(command, Some(data))
    }

    fn start(mut command: Command, data: Option<tempfile::TempDir>) -> Outcome<Self> {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
        let mut line = String::new();
        let out = child.stdout.take().ok_or("the server has no output")?;
        BufReader::new(out).read_line(&mut line)?;
        let url = line.trim().strip_prefix("listening on ").map(str::to_owned);
        let Some(url) = url else {
            drop(child.kill());
            return Err(format!("the server did not start; is everything installed? {command:?}").into());
        };
        Ok(Self { child, url, data })
    }

    /// The folder with its data.
    pub(crate) fn data(&self) -> Outcome<&Path> {
        Ok(self.data.as_ref().ok_or("this server keeps no data")?.path())
    }

    /// CPU seconds so far, and resident bytes now.
    pub(crate) fn used(&self) -> Outcome<Used> {
        let pid = self.child.id();
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
        let fields: Vec<&str> = stat.rsplit_once(") ").ok_or("/proc is not as expected")?.1.split(' ').collect();
        let ticks =
            |index: usize| fields.get(index).and_then(|field| field.parse::<f64>().ok()).ok_or("/proc is not as expected");
        // Fields 14 and 15 of proc(5), in hundredths of a second on every Linux of today.
        Ok(Used { cpu: (ticks(11)? + ticks(12)?) / 100.0, rss: rss(pid)? })
    }

    /// Watches the peak of the resident memory until the guard is asked.
    pub(crate) fn watch_peak(&self) -> Peak {
        let (peak, stop) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
        let pid = self.child.id();
        let watcher = std::thread::spawn({
            let (peak, stop) = (peak.clone(), stop.clone());
            move || {
                while !stop.load(Ordering::Relaxed) {
                    peak.fetch_max(rss(pid).unwrap_or(0), Ordering::Relaxed);
                    std::thread::sleep(Duration::from_millis(20));
                }
            }
        });
        Peak { peak, stop, watcher: Some(watcher) }
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

pub(crate) struct Peak {
    peak: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
    watcher: Option<std::thread::JoinHandle<()>>,
}

impl Peak {
    pub(crate) fn bytes(mut self) -> u64 {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(watcher) = self.watcher.take() {
            drop(watcher.join());
        }
        self.peak.load(Ordering::Relaxed)
    }
}

fn rss(pid: u32) -> Outcome<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).ok_or("the server is gone")?;
    let kilobytes: u64 = line.split_whitespace().nth(1).ok_or("/proc is not as expected")?.parse()?;
    Ok(kilobytes * 1024)
}

/// On this core alone: the server on the first and the load on the second, where there are two and `taskset` is there to say so.
pub(crate) fn pinned(program: &Path, core: usize) -> Command {
    if !pins() {
        return Command::new(program);
    }
    let mut command = Command::new("taskset");
    command.arg("-c").arg(core.to_string()).arg(program);
    command
}

pub(crate) fn pins() -> bool {
    static PINS: std::sync::OnceLock<bool> = std::sync::OnceLock::new();
    *PINS.get_or_init(|| {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let taskset = Command::new("taskset").arg("-V").stdout(Stdio::null()).stderr(Stdio::null()).status();
        cores > 1 && std::env::var_os("SAMEWIRE_BENCH_UNPINNED").is_none() && taskset.is_ok()
    })
}

/// Where the servers keep their data: the same disk for each.
pub(crate) fn folder() -> Outcome<PathBuf> {
    let folder = std::env::var_os("SAMEWIRE_BENCH_DIR").map_or_else(|| PathBuf::from("target/bench"), PathBuf::from);
    std::fs::create_dir_all(&folder)?;
    Ok(folder)
}

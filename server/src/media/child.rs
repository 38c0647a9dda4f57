//! Another program, run for one job: with bounds on what it may use, and gone with the future that runs it.

use std::ffi::OsString;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncRead, AsyncReadExt};

use super::spawner;

/// How much of what a program complains about is kept: the end.
const TAIL: usize = 4 * 1024;

/// The longest line that is taken from a program; the rest of a longer one is left out.
const LINE: usize = 16 * 1024;

/// Sets the bounds and becomes the program. A bound that is already narrower stays, and a system that lacks one goes without. Where
/// the soft bound of time is the hard one as well, the program is killed without a word of why.
const BOUNDED: &str = "exec 3>&2 2>/dev/null; ulimit -c 0; ulimit -v \"$1\"; ulimit -H -t \"$(($2 + 5))\"; ulimit -S -t \"$2\"; \
                       ulimit -f \"$3\"; shift 3; exec 2>&3 3>&-; exec nice -n 10 \"$@\"";

/// What a program may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bounds {
    /// Bytes of address space.
    pub(crate) memory: u64,
    /// Time of processors, all its threads together.
    pub(crate) processor: Duration,
    /// Bytes of each file that it writes.
    pub(crate) file: u64,
}

/// A program to run.
#[derive(Clone, Debug)]
pub(crate) struct Program<'a> {
    pub(crate) path: &'a Path,
    pub(crate) arguments: Vec<OsString>,
    /// Where it runs, and what it takes for the home folder.
    pub(crate) folder: &'a Path,
    pub(crate) bounds: Bounds,
    /// A `setpriv` that can have the program killed with the thread that started it.
    pub(crate) setpriv: Option<&'a Path>,
}

/// How a program ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    /// The end of what it wrote to its standard error.
    pub(crate) complaint: String,
}

impl Ended {
    pub(crate) fn signal(&self) -> Option<i32> {
        // `nice` and `sh` have become the program, so no signal comes back as a status of theirs.
        self.status.signal()
    }
}

impl Program<'_> {
    fn command(&self) -> tokio::process::Command {
        let kibibytes = self.bounds.memory / 1024;
        // A number that says "no bound" to a shell would be smaller than the largest ones.
        let seconds = self.bounds.processor.as_secs().clamp(1, u64::from(u32::MAX));
        let blocks = (self.bounds.file / 512).clamp(1, 1 << 40);
        let mut command = match self.setpriv {
            Some(setpriv) => {
                let mut command = tokio::process::Command::new(setpriv);
                command.args(["--pdeathsig", "KILL", "sh"]);
                command
            }
            None => tokio::process::Command::new("sh"),
        };
        command.args(["-c", BOUNDED, "sh"]);
        command.args([kibibytes, seconds, blocks].map(|bound| bound.to_string()));
        command.arg(self.path).args(&self.arguments);
        command.current_dir(self.folder).env_clear().env("HOME", self.folder).env("LC_ALL", "C");
        for kept in ["PATH", "LD_LIBRARY_PATH"] {
            if let Some(value) = std::env::var_os(kept) {
                command.env(kept, value);
            }
        }
        // Each arena of the allocator sets aside address space for a thread, used or not.
        command.env("MALLOC_ARENA_MAX", "2");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
        command
    }

    /// Runs it to its end and shows each line of its standard output. When the future is dropped, the program and whatever it has
    /// started are killed.
    ///
    /// # Errors
    /// It could not be started.
    pub(crate) async fn run(self, mut line: impl FnMut(&str)) -> std::io::Result<Ended> {
        let mut group = spawner::start(self.command()).await?;
        let (stdout, stderr) = (group.child.stdout.take(), group.child.stderr.take());
        let mut complaint = Vec::new();
        let ended = async {
            let status = group.child.wait().await;
            // What it left behind would keep the pipes open.
            group.kill();
            status
        };
        let (status, (), ()) = tokio::join!(ended, lines(stdout, &mut line), tail(stderr, &mut complaint));
        Ok(Ended { status: status?, complaint: String::from_utf8_lossy(&complaint).into_owned() })
    }
}

/// A program and all that it started: killed when this is dropped.
pub(super) struct Group {
    child: tokio::process::Child,
    leader: Option<Pid>,
}

impl Group {
    pub(super) fn of(child: tokio::process::Child) -> Self {
        let leader = child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
        Self { child, leader }
    }

    /// The number of a group is not given to another process while any of it lives; one that is empty is not there any more.
    fn kill(&mut self) {
        if let Some(leader) = self.leader.take() {
            let _ = kill_process_group(leader, Signal::KILL);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
    }
}

async fn lines(from: Option<impl AsyncRead + Unpin>, line: &mut impl FnMut(&str)) {
    let Some(mut from) = from else { return };
    let (mut held, mut chunk) = (Vec::new(), [0; 4096]);
    while let Ok(read @ 1..) = from.read(&mut chunk).await {
        for piece in chunk[..read].split_inclusive(|byte| *byte == b'\n') {
            held.extend_from_slice(&piece[..piece.len().min(LINE.saturating_sub(held.len()))]);
            if piece.ends_with(b"\n") {
                line(String::from_utf8_lossy(&held).trim_end());
                held.clear();
            }
        }
    }
    if !held.is_empty() {
        line(&String::from_utf8_lossy(&held));
    }
}

async fn tail(from: Option<impl AsyncRead + Unpin>, kept: &mut Vec<u8>) {
    let Some(mut from) = from else { return };
    let mut chunk = [0; 4096];
    while let Ok(read @ 1..) = from.read(&mut chunk).await {
        kept.extend_from_slice(&chunk[..read]);
        kept.drain(..kept.len().saturating_sub(TAIL));
    }
}

/// A `setpriv` that knows what is asked of it here: BusyBox has one of the same name that does not.
pub(crate) async fn find_setpriv() -> Option<PathBuf> {
    let path = super::tools::on_path("setpriv")?;
    let mut trial = tokio::process::Command::new(&path);
    trial.args(["--pdeathsig", "KILL", "true"]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    trial.status().await.is_ok_and(|status| status.success()).then_some(path)
}

#[cfg(test)]
mod tests;

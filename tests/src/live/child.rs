//! The `samewire` program in a process of its own, which can be killed.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use super::http::{self, Health};

/// A server in a process of its own. It is killed when this is dropped.
#[derive(Debug)]
pub struct Child {
    data: TempDir,
    settings: Vec<(String, String)>,
    /// How the program is started, where not directly: a program and its arguments, before the server's own.
    wrapper: Vec<String>,
    process: Option<std::process::Child>,
    addr: SocketAddr,
}

impl Child {
    /// Starts a server with an empty data folder. Settings are environment variables without their `SAMEWIRE_`.
    pub async fn start(settings: &[(&str, &str)]) -> Self {
        Self::wrapped(settings, &[]).await
    }

    /// The same, with the server's command line given to another program; `{data}` in an argument stands for the data folder.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn wrapped(settings: &[(&str, &str)], wrapper: &[&str]) -> Self {
        let data = tempfile::tempdir().expect("a folder for the data");
        let folder = data.path().to_str().expect("a plain path").to_owned();
        let defaults = [
            ("AUTH_SECRET", super::SECRET),
            ("AUTH_ANONYMOUS", "true"),
            ("RECONNECT_DELAY", "0ms"),
            ("RECONNECT_SPREAD", "1ms"),
            ("STREAMS_SWEEP_EVERY", "50ms"),
        ];
        let settings = defaults.iter().chain(settings);
        let mut child = Self {
            settings: settings.map(|(name, value)| (format!("SAMEWIRE_{name}"), (*value).to_owned())).collect(),
            wrapper: wrapper.iter().map(|part| part.replace("{data}", &folder)).collect(),
            data,
            process: None,
            addr: SocketAddr::from(([127, 0, 0, 1], 0)),
        };
        child.run().await;
        child
    }

    async fn run(&mut self) {
        let program = tokio::task::spawn_blocking(program).await.expect("the program");
        let mut command = match self.wrapper.split_first() {
            Some((wrapper, rest)) => {
                let mut command = Command::new(wrapper);
                command.args(rest).arg(program);
                command
            }
            None => Command::new(program),
        };
        let log = File::options().create(true).append(true).open(self.log()).expect("a log");
        let mut process = command
            .args(["serve", "--listen", "127.0.0.1:0", "--data"])
            .arg(self.data.path())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .envs(self.settings.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .expect("the server is started");
        let output = process.stdout.take().expect("its output is a pipe");
        self.process = Some(process);
        let line = tokio::task::spawn_blocking(move || {
            let mut line = String::new();
            BufReader::new(output).read_line(&mut line).map(|_| line)
        });
        let line = super::within("the server's start", line).await.expect("a line").expect("a line");
        let addr = line.trim().strip_prefix("listening on http://").and_then(|addr| addr.parse().ok());
        self.addr = addr.unwrap_or_else(|| panic!("the server did not start: {line:?}\n{}", self.told()));
    }

    /// Outside of the data folder's own names.
    fn log(&self) -> PathBuf {
        std::env::temp_dir().join(format!("{}.log", self.data.path().file_name().unwrap_or_default().display()))
    }

    /// What the server has written to its log.
    #[must_use]
    pub fn told(&self) -> String {
        std::fs::read_to_string(self.log()).unwrap_or_default()
    }

    /// The path of the program, built where it is missing.
    #[must_use]
    pub fn program() -> PathBuf {
        program()
    }

    /// Where the server listens.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The address for SDKs.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// The folder with its data.
    #[must_use]
    pub fn data(&self) -> &Path {
        self.data.path()
    }

    /// The process's id.
    ///
    /// # Panics
    /// While none runs.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.process.as_ref().expect("the server runs").id()
    }

    /// What `/healthz` says.
    pub async fn health(&self) -> Health {
        http::health(&self.url()).await
    }

    /// Kills the process with a signal that it cannot see coming.
    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            // A process that ended already cannot be killed; waiting for it is right in any case.
            let _ = process.kill();
            let _ = process.wait();
        }
    }

    /// Asks the process to stop (SIGTERM), and leaves it to it when.
    ///
    /// # Panics
    /// While none runs.
    pub fn terminate(&self) {
        let pid = i32::try_from(self.pid()).ok().and_then(Pid::from_raw).expect("a process id");
        kill_process(pid, Signal::TERM).expect("the signal is sent");
    }

    /// Waits until the process has ended by itself, and says whether it calls that a success.
    ///
    /// # Panics
    /// When it does not end.
    pub async fn ended(&mut self) -> bool {
        let mut process = self.process.take().expect("the server runs");
        let waited = async {
            loop {
                match process.try_wait().expect("its status") {
                    Some(status) => return status.success(),
                    None => tokio::time::sleep(std::time::Duration::from_millis(5)).await,
                }
            }
        };
        let ended = tokio::time::timeout(super::PATIENCE, waited).await;
        if ended.is_err() {
            let _ = process.kill();
            let _ = process.wait();
        }
        ended.unwrap_or_else(|_| panic!("the server does not end\n{}", self.told()))
    }

    /// Starts a new process on the same data, on another port.
    pub async fn restart(&mut self) {
        self.kill();
        self.run().await;
    }

    /// The most memory that the process ever had resident, in bytes.
    ///
    /// # Panics
    /// When the system does not tell.
    #[must_use]
    pub fn peak_memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).expect("the process's status");
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("its peak");
        let kilobytes: u64 = line.trim().trim_end_matches("kB").trim().parse().expect("a number");
        kilobytes * 1024
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            eprintln!("the server's log:\n{}", self.told());
        }
        let _ = std::fs::remove_file(self.log());
    }
}

/// The program: that of the environment, or the one beside this test, built where it is missing.
fn program() -> PathBuf {
    static BUILT: std::sync::OnceLock<PathBuf> = std::sync::OnceLock::new();
    BUILT
        .get_or_init(|| {
            if let Some(program) = std::env::var_os("SAMEWIRE_BIN") {
                return program.into();
            }
            let test = std::env::current_exe().expect("this test's path");
            let profile = test.ancestors().nth(2).expect("a test is in target/PROFILE/deps");
            let program = profile.join("samewire");
            // Cargo does not build a program of another package for a test; without this it could be missing, or an old one.
            let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
            let mut build = Command::new(cargo);
            build.args(["build", "--quiet", "--package", "samewire-server", "--bin", "samewire"]);
            if profile.file_name().is_some_and(|name| name == "release") {
                build.arg("--release");
            }
            let built = build.current_dir(env!("CARGO_MANIFEST_DIR")).status().expect("cargo runs");
            assert!(built.success(), "the server cannot be built");
            program
        })
        .clone()
}

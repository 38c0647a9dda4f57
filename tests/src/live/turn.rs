//! A real TURN server, coturn, in a process of its own, and a client of coturn's that uses it.

use std::net::{SocketAddr, UdpSocket};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

/// The attempts at a port, which somebody else may take between its choice and its use.
const TRIES: u32 = 5;

/// A TURN server on loopback. It is killed when this is dropped.
#[derive(Debug)]
pub struct Turn {
    process: Child,
    addr: SocketAddr,
    _folder: TempDir,
}

impl Turn {
    /// Starts one that takes credentials under this secret.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn start(secret: &str) -> Self {
        for _ in 0..TRIES {
            let mut turn = Self::spawn(secret);
            if turn.answers().await {
                return turn;
            }
        }
        panic!("turnserver does not start; it is in Debian's package coturn");
    }

    fn spawn(secret: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let addr = UdpSocket::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("a port");
        let process = Command::new("turnserver")
            .args(["-n", "--use-auth-secret", "--fingerprint", "--no-cli", "--no-tls", "--no-dtls", "--allow-loopback-peers"])
            .args(["--realm=samewire.test", "--listening-ip=127.0.0.1", "--relay-ip=127.0.0.1", "--log-file=stdout"])
            .arg(format!("--listening-port={}", addr.port()))
            .arg(format!("--static-auth-secret={secret}"))
            .arg(format!("--userdb={}", folder.path().join("turndb").display()))
            .arg(format!("--pidfile={}", folder.path().join("pid").display()))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("turnserver is on PATH (Debian's package coturn)");
        Self { process, addr, _folder: folder }
    }

    /// Waits until it answers a binding request (RFC 8489, section 6); false when it has ended.
    async fn answers(&mut self) -> bool {
        let socket = tokio::net::UdpSocket::bind("127.0.0.1:0").await.expect("a socket");
        let request = [&[0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42][..], &[7; 12]].concat();
        super::within("the TURN server's start", async {
            while self.process.try_wait().expect("its status").is_none() {
                // While nobody listens there, this fails at once or is never answered.
                let _ = socket.send_to(&request, self.addr).await;
                let mut answer = [0; 512];
                let heard = tokio::time::timeout(Duration::from_millis(50), socket.recv(&mut answer)).await;
                if matches!(heard, Ok(Ok(length)) if length >= 20 && answer[..2] == [1, 1]) {
                    return true;
                }
            }
            false
        })
        .await
    }

    /// Its address for `live.turn.urls`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("turn:{}?transport=udp", self.addr)
    }

    /// Whether coturn's own client can send something to itself through it with these credentials.
    ///
    /// # Panics
    /// When the client is not there.
    pub async fn relays_for(&self, username: &str, credential: &str) -> bool {
        let (username, credential) = (username.to_owned(), credential.to_owned());
        let port = self.addr.port().to_string();
        let client = tokio::task::spawn_blocking(move || {
            Command::new("turnutils_uclient")
                // One message of one client, and the other one in the same process.
                .args(["-u", &username, "-w", &credential, "-p", &port, "-y", "-c", "-n", "1", "-m", "1", "127.0.0.1"])
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status()
                .expect("turnutils_uclient is on PATH (Debian's package coturn)")
        });
        super::within("the TURN client", client).await.expect("it runs").success()
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        // One that has ended by itself cannot be killed; it is waited for in any case.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

//! The demo as a process of its own, which can be killed: this test binary, started again for [`serves_until_killed`].

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use barewire_demo::Setup;
use barewire_testkit::{TempDir, Tokens};
use reqwest::StatusCode;
use url::Url;

/// The server's part; it is never reached by an ordinary run.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "a process that the kill test starts"]
async fn serves_until_killed() {
    let (Ok(listen), Ok(dir)) = (std::env::var("KILL_TEST_LISTEN"), std::env::var("KILL_TEST_DIR")) else {
        return;
    };
    let mut demo = Setup::demo(listen, dir);
    // All workers are one user at one address, and an attempt counts until it has succeeded.
    demo.auth.login_free_attempts = 1000;
    demo.auth.max_sessions_per_user = 1000;
    barewire_demo::Server::bind(demo).await.unwrap().serve(std::future::pending()).await;
}

pub(crate) struct Site {
    pub(crate) origin: Url,
    listen: String,
    dir: TempDir,
    pub(crate) http: reqwest::Client,
}

impl Site {
    pub(crate) fn new() -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        Self {
            origin: Url::parse(&format!("http://localhost:{port}")).unwrap(),
            listen: format!("localhost:{port}"),
            dir: TempDir::new(),
            http: reqwest::Client::builder().no_proxy().build().unwrap(),
        }
    }

    pub(crate) async fn start(&self) -> Server {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "site::serves_until_killed", "--ignored", "--nocapture"]);
        command.env("KILL_TEST_LISTEN", &self.listen).env("KILL_TEST_DIR", self.dir.path());
        let mut server = Server(command.stdout(Stdio::null()).spawn().unwrap());
        let ready = self.origin.join("/readyz").unwrap();
        while !self.http.get(ready.clone()).send().await.is_ok_and(|answer| answer.status() == StatusCode::OK)
        {
            assert!(server.0.try_wait().unwrap().is_none(), "the server has ended by itself");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        server
    }

    pub(crate) fn resource(&self) -> String {
        self.origin.join("/mcp").unwrap().into()
    }

    pub(crate) async fn me(&self, tokens: &Tokens) -> Result<StatusCode, reqwest::Error> {
        let request = self.http.get(self.origin.join("/users/me/").unwrap()).bearer_auth(&tokens.access);
        Ok(request.send().await?.status())
    }
}

pub(crate) struct Server(Child);

impl Server {
    /// SIGKILL: no handler runs, nothing is flushed.
    pub(crate) fn kill(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
    }
}

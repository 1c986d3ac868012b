//! `barewire serve`: an authorization server alone and an MCP server that takes its tokens, both together, two programs at one
//! folder, and what cannot be.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use barewire_testkit::{OAuthClient, TempDir, Tokens};
use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::demo::{Demo, barewire, free_port, json, log_in, stderr, stdout};

const PASSWORD: &str = "correct horse battery";

/// A folder with settings in it, and the program that runs with them.
struct Server {
    child: Option<Child>,
    folder: TempDir,
    origin: String,
    /// What it said until it listened.
    said: String,
}

impl Server {
    /// A server that does not run yet, on a port of its own; `settings` follow those of the section `server`.
    fn new(server: &str, settings: &str) -> Server {
        let (folder, port) = (TempDir::new(), free_port());
        let text = format!(
            "[server]\nlisten = \"localhost:{port}\"\ndata_dir = \"{}\"\n{server}\n{settings}\n",
            folder.join("data").display()
        );
        fs::write(folder.join("barewire.toml"), text).unwrap();
        Server { child: None, folder, origin: format!("http://localhost:{port}"), said: String::new() }
    }

    fn command(&self) -> Command {
        let mut command = barewire();
        command.arg("serve").arg("--config").arg(self.folder.join("barewire.toml"));
        command.stderr(Stdio::piped());
        command
    }

    fn start(&mut self) {
        let (child, said) = listening(self.command());
        (self.child, self.said) = (Some(child), said);
    }

    fn started(mut self) -> Server {
        self.start();
        self
    }

    /// SIGTERM; its exit code.
    fn stop(&mut self) -> Option<i32> {
        let mut child = self.child.take().unwrap();
        assert!(Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap().success());
        child.wait().unwrap().code()
    }

    fn mcp(&self) -> String {
        format!("{}/mcp", self.origin)
    }

    fn data_dir(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// Types what it says is to be typed while nobody can log in.
    fn add_the_first_user(&self) {
        let line = self.said.lines().find(|line| line.contains("barewire user add")).expect(&self.said);
        let words = line.split_once("barewire ").unwrap().1.split_whitespace();
        let output = with_password(barewire().args(words));
        assert!(output.status.success(), "{line}: {}", stderr(&output));
    }

    fn get(&self, path: &str) -> (StatusCode, String) {
        let url = format!("{}{path}", self.origin);
        Runtime::new().unwrap().block_on(async {
            let answer = reqwest::get(url).await.unwrap();
            (answer.status(), answer.text().await.unwrap())
        })
    }

    /// Tokens for a resource, by way of the login page and the consent page here.
    fn tokens(&self, resource: &str, scope: &str) -> (OAuthClient, Tokens) {
        let issuer = self.origin.parse().unwrap();
        Runtime::new().unwrap().block_on(async {
            let client = OAuthClient::register(&issuer, "a test").await.unwrap();
            let tokens = client.log_in(resource, ("admin", PASSWORD), scope).await.unwrap();
            (client, tokens)
        })
    }

    /// Who the server says a token is for, or the status and the challenge.
    fn me(&self, token: &str) -> Result<Value, (u16, String)> {
        let url = format!("{}/users/me/", self.origin);
        Runtime::new().unwrap().block_on(async {
            let answer = reqwest::Client::new().get(url).bearer_auth(token).send().await.unwrap();
            match answer.status() {
                StatusCode::OK => Ok(answer.json().await.unwrap()),
                status => {
                    let challenge = answer.headers()["www-authenticate"].to_str().unwrap().to_owned();
                    Err((status.as_u16(), challenge))
                }
            }
        })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Starts a server and waits until it listens; what it said until then.
fn listening(mut command: Command) -> (Child, String) {
    let mut child = command.spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap());
    let (mut said, mut line) = (String::new(), String::new());
    while !line.contains("Ctrl-C") {
        line.clear();
        assert_ne!(lines.read_line(&mut line).unwrap(), 0, "it ended before it listened: {said}");
        said.push_str(&line);
    }
    // What it says later is not read, and must not fill the pipe.
    std::thread::spawn(move || std::io::copy(&mut lines, &mut std::io::sink()));
    (child, said)
}

fn with_password(command: &mut Command) -> Output {
    command.arg("--password-stdin").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(PASSWORD.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

/// `[[auth.resources]]` for a blog that is somewhere else, and for another server.
fn resources(mcp: &str) -> String {
    format!(
        r#"
[[auth.resources]]
url = "{mcp}"
name = "The blog <elsewhere>"
default_scopes = "posts:read"
scopes = {{ "posts:read" = "Read posts there", "posts:write" = "Write posts there" }}

[[auth.resources]]
url = "https://other.example/mcp"
scopes = {{ "posts:read" = "Read quite other posts" }}
"#
    )
}

/// An authorization server alone, and a blog that takes its tokens only.
fn two() -> (Server, Server) {
    let mut blog = Server::new("mcp = \"blog\"\nauthorization_server = false", "");
    let login = Server::new("name = \"The login\"", &resources(&blog.mcp()));
    let external = format!("[[external.jwt]]\nissuer = \"{}\"\n", login.origin);
    let path = blog.folder.join("barewire.toml");
    fs::write(&path, fs::read_to_string(&path).unwrap() + &external).unwrap();
    // The one without the other: an issuer that is down keeps nobody from starting.
    blog.start();
    (login.started(), blog)
}

fn credentials(server: &Server) -> PathBuf {
    server.folder.join("credentials.sqlite")
}

/// A command of a user of this server.
fn user(server: &Server, arguments: &[&str]) -> Command {
    let mut command = barewire();
    command.args(arguments).env("BAREWIRE_CREDENTIALS", credentials(server));
    command
}

#[test]
fn tokens_of_an_authorization_server_alone_open_an_mcp_server_elsewhere() {
    let (mut login, mut blog) = two();
    assert!(login.said.contains(&format!("for          {}", blog.mcp())), "{}", login.said);
    assert!(blog.said.contains(&format!("Tokens of      {}", login.origin)), "{}", blog.said);
    assert!(!blog.said.contains("user add"), "nobody logs in there: {}", blog.said);
    login.add_the_first_user();

    // From the 401 at the one to the login at the other and back, as any client goes.
    let logged_in = log_in(
        user(&blog, &["login", &blog.mcp(), "--no-browser", "--scope", "posts:write"]),
        "admin",
        PASSWORD,
    );
    assert!(logged_in.status.success(), "{}", stderr(&logged_in));
    let create = ["call", &blog.mcp(), "create_post", "title=Hello", "content=From elsewhere.", "--json"];
    let created = user(&blog, &create).output().unwrap();
    assert!(created.status.success(), "{}", stderr(&created));
    let author = format!("admin ({})", login.origin);
    assert!(stdout(&created).contains(&author), "{}", stdout(&created));

    // A token for another resource of the same issuer is none here, nor is what nobody has signed.
    let (_, other) = login.tokens("https://other.example/mcp", "posts:read");
    let (status, challenge) = blog.me(&other.access).unwrap_err();
    assert!(status == 401 && challenge.contains("invalid_token"), "{status} {challenge}");
    assert_eq!(blog.me("nonsense").unwrap_err().0, 401);
    let (client, tokens) = login.tokens(&blog.mcp(), "posts:read offline_access");
    assert_eq!(blog.me(&tokens.access).unwrap()["username"], author.as_str());

    // Both end in order, and what was granted outlives them.
    assert_eq!((login.stop(), blog.stop()), (Some(0), Some(0)));
    login.start();
    blog.start();
    assert!(!login.said.contains("user add"), "{}", login.said);
    let refreshed = Runtime::new().unwrap().block_on(client.refresh(&tokens.refresh.unwrap(), &blog.mcp()));
    assert!(blog.me(&refreshed.unwrap().access).is_ok());
    let listed = user(&blog, &["call", &blog.mcp(), "list_posts"]).output().unwrap();
    assert!(listed.status.success() && stdout(&listed).contains("Hello"), "{}", stderr(&listed));
}

#[test]
fn each_says_what_it_is_and_nothing_of_it_comes_from_a_request() {
    let (login, blog) = two();
    for (server, has, has_not) in [
        (
            &login,
            vec!["<h1>The login</h1>", "authorization server for", "The blog &lt;elsewhere&gt;", "/account"],
            vec!["johndoe"],
        ),
        (
            &blog,
            vec!["<h1>Barewire</h1>", "people log in elsewhere", &blog.mcp(), &login.origin],
            vec!["johndoe", "/account"],
        ),
    ] {
        let (status, page) = server.get("/");
        assert_eq!(status, StatusCode::OK);
        has.iter().for_each(|part| assert!(page.contains(part), "{part}: {page}"));
        has_not.iter().for_each(|part| assert!(!page.contains(part), "{part}: {page}"));
        for link in page.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next()) {
            assert_eq!(server.get(link).0, StatusCode::OK, "{link}");
        }
        assert_eq!(server.get("/healthz"), (StatusCode::OK, "ok\n".to_owned()));
        assert_eq!(server.get("/readyz"), (StatusCode::OK, "ready\n".to_owned()));
        let (status, body) = server.get("/nothing");
        assert!(status == StatusCode::NOT_FOUND && body.contains("not_found"), "{body}");
    }
    // Each has what the other has not.
    assert_eq!(login.get("/mcp").0, StatusCode::NOT_FOUND);
    assert_eq!(blog.get("/.well-known/oauth-authorization-server").0, StatusCode::NOT_FOUND);
    let metadata: Value =
        serde_json::from_str(&login.get("/.well-known/oauth-authorization-server").1).unwrap();
    assert_eq!(metadata["issuer"], login.origin.as_str());
    assert_eq!(metadata["scopes_supported"], json!(["posts:read", "posts:write", "offline_access"]));
    let metadata: Value =
        serde_json::from_str(&blog.get("/.well-known/oauth-protected-resource/mcp").1).unwrap();
    assert_eq!(metadata["resource"], blog.mcp().as_str());
    assert_eq!(metadata["authorization_servers"], json!([login.origin]));
}

#[test]
fn own_tokens_and_those_of_others_open_one_server_and_no_two_people_are_one() {
    let mut both = Server::new("mcp = \"blog\"", "[metrics]\nlisten = \"localhost:0\"");
    let login = Server::new("", &resources(&both.mcp())).started();
    let external = format!("[[external.jwt]]\nissuer = \"{}\"\n", login.origin);
    let path = both.folder.join("barewire.toml");
    fs::write(&path, fs::read_to_string(&path).unwrap() + &external).unwrap();
    both.start();
    assert!(both.said.contains("Metrics        http://127.0.0.1:"), "{}", both.said);
    let metadata: Value =
        serde_json::from_str(&both.get("/.well-known/oauth-protected-resource/mcp").1).unwrap();
    assert_eq!(metadata["authorization_servers"], json!([both.origin, login.origin]));

    // Two administrators who are called the same.
    login.add_the_first_user();
    both.add_the_first_user();
    let (_, own) = both.tokens(&both.mcp(), "posts:read posts:write");
    let (_, foreign) = login.tokens(&both.mcp(), "posts:read posts:write");
    assert_eq!(both.me(&own.access).unwrap()["username"], "admin");
    assert_eq!(both.me(&foreign.access).unwrap()["username"], format!("admin ({})", login.origin));
    let draft = json!({ "title": "Mine", "content": "Nobody else's.", "tags": [], "status": "draft" });
    Runtime::new().unwrap().block_on(async {
        let http = reqwest::Client::new();
        let posts = format!("{}/posts", both.origin);
        let created = http.post(&posts).bearer_auth(&own.access).json(&draft).send().await.unwrap();
        assert_eq!(created.status(), StatusCode::CREATED);
        let url = format!("{}{}", both.origin, created.headers()["location"].to_str().unwrap());
        for (token, expected) in [(&own, StatusCode::OK), (&foreign, StatusCode::NOT_FOUND)] {
            assert_eq!(http.get(&url).bearer_auth(&token.access).send().await.unwrap().status(), expected);
            let call = http.post(both.mcp()).header("mcp-protocol-version", "2025-06-18");
            let call = call.header("accept", "application/json, text/event-stream");
            let call = call.json(&json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list" }));
            assert_eq!(call.bearer_auth(&token.access).send().await.unwrap().status(), StatusCode::OK);
        }
    });
    // One for the other server is for the other server, whoever issued it.
    let (_, other) = login.tokens("https://other.example/mcp", "posts:read");
    assert_eq!(both.me(&other.access).unwrap_err().0, 401);

    // Whoever is disabled here is out here; the other one is somebody else.
    let disabled =
        barewire().args(["user", "disable", "admin", "--data-dir"]).arg(both.data_dir()).output().unwrap();
    assert!(disabled.status.success(), "{}", stderr(&disabled));
    let begun = std::time::Instant::now();
    while both.me(&own.access).is_ok() {
        assert!(begun.elapsed() < Duration::from_secs(20), "it is never refused");
        std::thread::sleep(Duration::from_millis(50));
    }
    assert!(both.me(&foreign.access).is_ok());

    // Nor are they one in the log.
    assert_eq!(both.stop(), Some(0));
    let audit = |arguments: &[&str]| {
        let mut command = barewire();
        command.args(["audit", "list", "--user", "admin", "--data-dir"]).arg(both.data_dir());
        command.args(arguments).output().unwrap()
    };
    let log = json(&audit(&["--json"]));
    let listed = log["records"].as_array().unwrap().iter().filter(|record| record["method"] == "tools/list");
    let issuers: Vec<&Value> = listed.map(|record| &record["issuer"]).collect();
    assert_eq!(issuers, [&Value::Null, &json!(login.origin)]);
    let shown = format!("admin (of {}) ", login.origin);
    assert!(stdout(&audit(&[])).contains(&shown), "{}", stdout(&audit(&[])));
}

#[test]
fn two_programs_share_a_folder() {
    let first = Server::new("mcp = \"blog\"", "");
    let mut second = Server::new("mcp = \"blog\"", "");
    // Another port, and the same folder, which is empty: both begin at once.
    let path = second.folder.join("barewire.toml");
    let own = second.data_dir().display().to_string();
    let shared = first.data_dir().display().to_string();
    fs::write(&path, fs::read_to_string(&path).unwrap().replace(&own, &shared)).unwrap();
    let mut first = std::thread::scope(|scope| {
        let starting = scope.spawn(|| first.started());
        second.start();
        starting.join().unwrap()
    });
    first.add_the_first_user();

    // Each has logins, grants, posts and records of its own, at the same time.
    let posts = |server: &Server| {
        let (_, tokens) = server.tokens(&server.mcp(), "posts:read posts:write");
        Runtime::new().unwrap().block_on(async {
            for number in 0..20 {
                let post = json!({ "title": format!("{} {number}", server.origin), "content": "x", "tags": [], "status": "published" });
                let url = format!("{}/posts", server.origin);
                let created = reqwest::Client::new().post(url).bearer_auth(&tokens.access).json(&post).send().await.unwrap();
                assert_eq!(created.status(), StatusCode::CREATED, "{}", created.text().await.unwrap());
            }
        });
        tokens
    };
    let (of_first, of_second) = std::thread::scope(|scope| {
        let running = scope.spawn(|| posts(&first));
        let of_second = posts(&second);
        (running.join().unwrap(), of_second)
    });
    // What the one has signed, the other knows: they have one key. But it is for another server.
    assert_eq!(first.get("/jwks"), second.get("/jwks"));
    assert_eq!(second.me(&of_first.access).unwrap_err().0, 401);
    assert!(second.me(&of_second.access).is_ok());

    assert_eq!((first.stop(), second.stop()), (Some(0), Some(0)));
    let at_data = |arguments: &[&str]| {
        let output = barewire().args(arguments).arg("--data-dir").arg(first.data_dir()).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", stderr(&output));
        output
    };
    // The chain of the log goes through the records of both, and none is missing.
    at_data(&["audit", "verify"]);
    let listed = json(&at_data(&["audit", "list", "--limit", "0", "--json"]));
    let records = listed["records"].as_array().unwrap();
    let of = |field: &str, word: &str| records.iter().filter(|record| record[field] == word).count();
    // The two, and the command that added the user.
    assert_eq!((of("kind", "started"), of("kind", "stopped"), of("event", "login")), (3, 3, 2), "{listed}");
    let attempts = json(&at_data(&["funnel", "--json"]));
    assert!(attempts.to_string().contains("a test"), "{attempts}");
    let keys = fs::read_dir(first.data_dir()).unwrap().filter(|entry| {
        entry.as_ref().is_ok_and(|entry| entry.path().extension().is_some_and(|extension| extension == "key"))
    });
    assert_eq!(keys.count(), 2, "one beside auth.sqlite and one beside audit.sqlite");
}

#[test]
fn nobody_with_a_password_that_everybody_knows_is_let_in() {
    // The demo was here.
    let mut demo = Demo::start();
    demo.stop();
    let output = barewire()
        .args(["serve", "--set", "server.mcp=blog", "--listen", "localhost:0", "--data-dir"])
        .arg(demo.data_dir())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    for part in ["everybody knows the password of johndoe", "barewire user password johndoe --data-dir"] {
        assert!(stderr(&output).contains(part), "{}", stderr(&output));
    }

    // And it does not come where somebody is.
    let mut server = Server::new("mcp = \"blog\"", "").started();
    server.add_the_first_user();
    server.stop();
    let output = barewire()
        .args(["demo", "--listen", "localhost:0", "--host-listen", "localhost:0", "--data-dir"])
        .arg(server.data_dir())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    assert!(stderr(&output).contains("a folder of its own"), "{}", stderr(&output));
}

#[test]
fn what_cannot_be_is_said_by_name() {
    const SCOPES: &str = "scopes = { \"a\" = \"A\" }";
    let resource = |url: &str, more: &str| format!("[[auth.resources]]\nurl = \"{url}\"\n{more}\n");
    let good = resource("https://x.example/mcp", SCOPES);
    let external = |issuer: &str| format!("[[external.jwt]]\nissuer = \"{issuer}\"\n");
    for (server, settings, says) in [
        ("", String::new(), "[[auth.resources]]"),
        ("authorization_server = false", String::new(), "server.authorization_server = true"),
        ("mcp = \"blog\"\nauthorization_server = false", String::new(), "[external]"),
        ("mcp = \"blog\"\nauthorization_server = false", good.clone() + &external("https://a.example"), "[[auth.resources]]"),
        ("", good.clone() + &external("https://a.example"), "remove [external]"),
        ("mcp = \"blog\"", external("http://localhost:1") + &external("http://localhost:1"), "there twice"),
        ("mcp = \"blog\"", external("a.example"), "no absolute URL"),
        ("mcp = \"bank\"", String::new(), "server.mcp"),
        ("", good.clone() + "[auth]\ncode_ttl = \"0s\"\n", "auth.access_token_ttl"),
        ("listn = \"localhost:1\"", String::new(), "listn"),
        ("name = \"A\"\npublic_url = \"https://a.example/path\"", good.clone(), "server.public_url is an origin"),
        ("public_url = \"http://a.example\"", good.clone(), "server.public_url has to be https"),
        ("", good.clone() + &good, "it is there twice"),
        ("", resource("x.example", SCOPES), "auth.resources"),
        ("", resource("https://x.example/#a", SCOPES), "fragment"),
        ("", resource("http://x.example/mcp", SCOPES), "https"),
        ("", resource("https://x.example/mcp", ""), "scopes"),
        ("", resource("https://x.example/mcp", "scopes = {}"), "no scopes"),
        ("", resource("https://x.example/mcp", &format!("{SCOPES}\ndefault_scopes = \"b\"")), "default_scopes"),
        ("", resource("https://x.example/mcp", &format!("{SCOPES}\nscope = \"b\"")), "auth.resources"),
        ("", good.clone() + "[auth.own_access]\nreports = \"b\"\n", "auth.own_access"),
        ("", good.clone() + "[metrics]\nlisten = \"nonsense\"\n", "metrics.listen"),
        (
            "mcp = \"blog\"",
            "[external.introspection]\nissuer = \"https://a.example\"\nclient_id = \"c\"\nprivate_key = \"/not/there.pem\"\n".into(),
            "external.introspection.private_key",
        ),
    ] {
        let server = Server::new(server, &settings);
        let output = server.command().output().unwrap();
        let said = stderr(&output);
        assert!(matches!(output.status.code(), Some(1 | 2)), "{settings}: {said}");
        assert!(said.contains(says), "{settings} says {says:?}: {said}");
        assert!(!said.contains("::"), "{settings} speaks of Rust types: {said}");
    }
    // An address that others can reach needs a name.
    let server = Server::new("", &good);
    let output = server.command().args(["--listen", "0.0.0.0:0"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("set server.public_url"), "{}", stderr(&output));
    // A second program at the same address is told so.
    let running = Server::new("", &good).started();
    let output = running.command().output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("another port with server.listen"), "{}", stderr(&output));
    // And this server is not somebody else.
    let itself = Server::new("mcp = \"blog\"", &external(&running.origin));
    let output = itself.command().args(["--public-url", &running.origin]).output().unwrap();
    assert!(stderr(&output).contains("which is this server itself"), "{}", stderr(&output));
}

#[test]
fn the_command_that_is_proposed_can_be_typed() {
    let mut server = Server::new("", &resources("https://x.example/mcp"));
    let key = server.folder.join("a key");
    fs::write(&key, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=").unwrap();
    restrict(&key);
    let mut command = server.command();
    command.args(["--set", &format!("store.sealing_key_file={}", key.display())]);
    command.args(["--set", "auth.client_address_header=x-secret"]);
    let (child, said) = listening(command);
    (server.child, server.said) = (Some(child), said);
    assert!(server.said.contains("--set 'store.sealing_key_file="), "{}", server.said);
    assert!(!server.said.contains("x-secret"), "{}", server.said);
    let line =
        server.said.lines().find_map(|line| line.split_once(": barewire user add")).expect(&server.said);
    let typed = format!("{} user add{} --password-stdin", env!("CARGO_BIN_EXE_barewire"), line.1);
    let mut child =
        Command::new("sh").args(["-c", &typed]).stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(PASSWORD.as_bytes()).unwrap();
    assert!(child.wait().unwrap().success(), "{typed}");
    assert_eq!(server.stop(), Some(0));
}

#[cfg(unix)]
fn restrict(path: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

#[cfg(not(unix))]
fn restrict(_: &Path) {}

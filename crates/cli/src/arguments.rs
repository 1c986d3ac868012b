//! The command line, all of it. Doc comments are the help texts, so they are plain text.
#![allow(rustdoc::bare_urls, reason = "the same, and only rustdoc knows the lint")]
#![expect(clippy::doc_markdown, reason = "backticks and angle brackets would show in the terminal")]

use std::path::PathBuf;

use barewire_audit::funnel::{Outcome, Step};
use barewire_audit::{Head, Time};
use barewire_mcp::revision::Revision;
use clap::{ArgGroup, Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use url::Url;

use crate::commands::audit::moment;
use crate::commands::funnel;

/// Model Context Protocol without an SDK: server, authorization server, client and host.
#[derive(Parser)]
#[command(name = "barewire", version, propagate_version = true, after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(subcommand)]
    pub(crate) command: Command,
}

const AFTER_HELP: &str = "\
First steps:
  barewire demo                                  something to try it at; it says who can log in
  barewire login http://localhost:8000/mcp       in another terminal
  barewire tools http://localhost:8000/mcp
  barewire call  http://localhost:8000/mcp search_posts query=bread --trace

Exit codes: 0 done · 1 failed here · 2 wrong usage · 3 server not reached · 4 login needed or refused · \
5 the tool reported an error · 6 the server refused the request · 7 the audit log was altered · \
8 the doctor found errors · 9 the server differs from the transcripts · 130 interrupted";

/// What every subcommand understands.
#[derive(Args)]
#[command(next_help_heading = "For every command")]
pub(crate) struct Common {
    /// Print the result, or the error, as one JSON document on standard output
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Show every HTTP exchange with what it is for and which rule it follows; secrets are masked
    #[arg(long, global = true)]
    pub(crate) trace: bool,
    /// A setting as SECTION.NAME=VALUE, e.g. auth.access_token_ttl=8s (repeatable)
    #[arg(long = "set", global = true, value_name = "SECTION.NAME=VALUE")]
    pub(crate) settings: Vec<String>,
    /// Settings from a TOML file
    #[arg(long, global = true, env = "BAREWIRE_CONFIG", value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Where logins are kept [default: the user's data folder]
    #[arg(long, global = true, env = "BAREWIRE_CREDENTIALS", value_name = "FILE")]
    pub(crate) credentials: Option<PathBuf>,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Run the whole demonstration: a blog with REST and MCP, its authorization server, and the host's page
    Demo(Demo),
    /// Run an authorization server, an MCP server, or both, as the settings say: the one for production
    Serve(Serve),
    /// Run the host's page alone, for servers that are somewhere else
    Host(Host),
    /// Log in to a server in the browser and keep the tokens
    Login(Login),
    /// Revoke and forget the tokens for a server
    Logout(Logout),
    /// Print the headers with which one request presents the token that a login has kept, for curl and its like
    Token(Token),
    /// List a server's tools, or show one
    Tools(Tools),
    /// List a server's resources and templates, or read one
    Resources(Resources),
    /// List a server's prompts, or get one
    Prompts(Prompts),
    /// Call a tool
    Call(Call),
    /// List, add, disable or reset the people of an authorization server
    User(User),
    /// List, add, disable or delete the applications that an authorization server knows
    Client(Client),
    /// List, narrow or revoke what users have let applications do
    Grant(Grant),
    /// Read the audit log, or check that it is what was written
    Audit(Audit),
    /// Show attempts of clients to connect: where each stopped, and why
    Funnel(Funnel),
    /// List, rotate and retire the keys that sign access tokens, and seal secrets anew
    Key(Key),
    /// Explain, check and show the settings
    Config(Config),
    /// Examine any MCP server and say what is wrong, by which rule, and what to do
    Doctor(Doctor),
    /// Replay the golden wire transcripts against any MCP server and say what differs, and which rule that breaks
    Replay(Replay),
    /// Print a completion script for a shell
    Completions(Completions),
}

#[derive(Args)]
pub(crate) struct Demo {
    /// Address of the data server and authorization server
    #[arg(long, default_value = "localhost:8000", value_name = "HOST:PORT")]
    pub(crate) listen: String,
    /// The URL by which others know the data server, e.g. https://blog.example.com behind a proxy [default: its
    /// address, where only this machine can reach it]
    #[arg(long, value_name = "URL", value_parser = web_address)]
    pub(crate) public_url: Option<Url>,
    /// Address of the host's page [default: the setting host.listen, localhost:5173]
    #[arg(long, value_name = "HOST:PORT")]
    pub(crate) host_listen: Option<String>,
    /// Where the state of the demo lives
    #[arg(long, default_value = "barewire-data", value_name = "DIR")]
    pub(crate) data_dir: PathBuf,
}

#[derive(Args)]
#[command(after_help = SERVE_HELP)]
pub(crate) struct Serve {
    /// Address to listen on [default: the setting server.listen, localhost:8000]
    #[arg(long, value_name = "HOST:PORT")]
    pub(crate) listen: Option<String>,
    /// The URL by which others know it, e.g. https://login.example.com behind a proxy [default: the setting
    /// server.public_url, or its address where only this machine can reach it]
    #[arg(long, value_name = "URL", value_parser = web_address)]
    pub(crate) public_url: Option<Url>,
    /// Where its databases live [default: the setting server.data_dir, barewire-data]
    #[arg(long, value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,
}

const SERVE_HELP: &str = "\
What runs is in the settings (docs/deploying.md):\n\n  \
[[auth.resources]]     an authorization server alone, for MCP servers elsewhere\n  \
server.mcp = \"blog\"    an MCP server with its authorization server\n  \
server.mcp = \"blog\", server.authorization_server = false, [[external.jwt]]\n                         \
an MCP server that takes the tokens of others\n\n\
Nobody can log in at first; it prints the command that adds an administrator.\n\
SIGTERM lets requests in flight end, and then it ends with 0.";

#[derive(Args)]
pub(crate) struct Host {
    /// Address of the page [default: the setting host.listen, localhost:5173]
    #[arg(long, value_name = "HOST:PORT")]
    pub(crate) listen: Option<String>,
    /// A server to offer on the empty page (repeatable)
    #[arg(long = "server", value_name = "URL", value_parser = web_address)]
    pub(crate) servers: Vec<Url>,
    /// Where sessions, logins and recorded exchanges are kept
    #[arg(long, default_value = "barewire-data", value_name = "DIR")]
    pub(crate) data_dir: PathBuf,
}

#[derive(Args)]
pub(crate) struct Login {
    /// The MCP endpoint, e.g. https://example.com/mcp
    #[arg(value_parser = web_address)]
    pub(crate) url: Url,
    /// Ask for these scopes beside those the server names (repeatable)
    #[arg(long = "scope", value_name = "SCOPE")]
    pub(crate) scopes: Vec<String>,
    /// Only print the address to open
    #[arg(long)]
    pub(crate) no_browser: bool,
    /// Log in with a browser elsewhere: print an address and a code to type there (over SSH, say)
    #[arg(long, conflicts_with = "no_browser")]
    pub(crate) device: bool,
    #[command(flatten)]
    pub(crate) access: Access,
}

/// Who the client is, how it comes to a token, and what it speaks.
#[derive(Args)]
#[command(next_help_heading = "Client and token")]
#[command(group(ArgGroup::new("known_there").args(["client_id", "workload_token"]).multiple(true)))]
pub(crate) struct Access {
    /// A client identifier that was registered beforehand
    #[arg(long, value_name = "ID")]
    pub(crate) client_id: Option<String>,
    /// The issuer that knows this client or workload [default: the one that the server names at first, which has to be
    /// the audience of a workload's token]
    #[arg(long, value_name = "URL", requires = "known_there")]
    pub(crate) issuer: Option<String>,
    /// The environment variable with the client's secret [default: BAREWIRE_CLIENT_SECRET]
    #[arg(long, value_name = "VARIABLE", requires = "client_id", conflicts_with = "private_key")]
    pub(crate) client_secret_env: Option<String>,
    /// The client's private key, PEM or JWK: it authenticates by signatures (private_key_jwt)
    #[arg(long, value_name = "FILE", requires = "client_id")]
    pub(crate) private_key: Option<PathBuf>,
    /// Which of the client's registered keys that is
    #[arg(long, value_name = "KID", requires = "private_key")]
    pub(crate) key_id: Option<String>,
    /// How the key signs: ES256, ES384, RS256, PS256, EdDSA [default: as keys of its kind usually do]
    #[arg(long, value_name = "ALG", requires = "private_key")]
    pub(crate) signing_algorithm: Option<String>,
    /// Take a token for the client itself; nobody logs in
    #[arg(long, requires = "client_id", conflicts_with = "identity_provider")]
    pub(crate) client_credentials: bool,
    /// A file with a token that says which workload this is: the way to a token, or with --client-credentials the
    /// client's authentication
    #[arg(long, value_name = "FILE", conflicts_with = "identity_provider")]
    pub(crate) workload_token: Option<PathBuf>,
    /// The issuer of your organisation's identity provider, which decides in place of a login
    #[arg(long, value_name = "URL", requires_all = ["client_id", "subject_token", "idp_client_id"])]
    pub(crate) identity_provider: Option<String>,
    /// A file with what a login there left
    #[arg(long, value_name = "FILE", requires = "identity_provider")]
    pub(crate) subject_token: Option<PathBuf>,
    /// What that is
    #[arg(long, value_name = "TYPE", requires = "identity_provider", default_value = "id-token")]
    pub(crate) subject_token_type: SubjectToken,
    /// Who the client is at the identity provider; its secret, if it has one, comes from BAREWIRE_IDP_CLIENT_SECRET
    #[arg(long, value_name = "ID", requires = "identity_provider")]
    pub(crate) idp_client_id: Option<String>,
    /// The client's private key at the identity provider
    #[arg(long, value_name = "FILE", requires = "idp_client_id")]
    pub(crate) idp_private_key: Option<PathBuf>,
    /// Where the identity provider exchanges tokens [default: its metadata says so]
    #[arg(long, value_name = "URL", requires = "identity_provider")]
    pub(crate) idp_token_endpoint: Option<String>,
    /// Bind tokens to a key of this machine (DPoP): when-offered, never, or always [default: when-offered; always when
    /// no word follows]
    #[arg(long, value_name = "WHEN", num_args = 0..=1, require_equals = true, default_missing_value = "always")]
    pub(crate) dpop: Option<Bound>,
    /// Be a client that speaks nothing newer than this revision of the protocol, e.g. 2025-03-26 [default: the newest]
    #[arg(long, value_name = "REVISION", value_parser = revision, help_heading = "Protocol")]
    pub(crate) revision: Option<Revision>,
}

/// A URL of the web. Whoever leaves the scheme away, as one does in a browser, is told which one is meant: `localhost:8000`
/// would else be a URL with the scheme `localhost`.
fn web_address(text: &str) -> Result<Url, String> {
    if !text.contains("://") {
        let meant =
            Url::parse(&format!("https://{text}")).ok().filter(|url| url.host_str().is_some_and(is_name));
        return Err(match meant {
            Some(url) => {
                let here = url.host_str().is_some_and(|host| host == "localhost" || host.starts_with("127."));
                let scheme = if here { "http" } else { "https" };
                format!("this is no URL yet; did you mean {scheme}://{text} ?")
            }
            None => "a URL begins with its scheme, such as https://example.com/mcp".to_owned(),
        });
    }
    match Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") => Ok(url),
        Ok(url) => Err(format!("a server is reached over http or https, not over {}", url.scheme())),
        Err(error) => Err(format!("not a URL: {error}")),
    }
}

/// Whether that looks like a machine, and not like a word.
fn is_name(host: &str) -> bool {
    host == "localhost" || host.contains('.')
}

fn revision(name: &str) -> Result<Revision, String> {
    Revision::parse(name).ok_or_else(|| {
        let names = Revision::ALL.map(Revision::as_str).join(", ");
        format!("the revisions are {names}")
    })
}

/// When tokens are bound to a key.
#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Bound {
    /// Where both the server and its issuer offer it
    WhenOffered,
    /// Not even then
    Never,
    /// Refuse every other token
    Always,
}

/// What says who the user is.
#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum SubjectToken {
    /// An ID token of OpenID Connect
    IdToken,
    /// A refresh token of the identity provider
    RefreshToken,
    /// A SAML 2.0 assertion
    Saml2,
}

#[derive(Args)]
pub(crate) struct Logout {
    /// The MCP endpoint
    #[arg(value_parser = web_address)]
    pub(crate) url: Url,
}

#[derive(Args)]
#[command(after_help = TOKEN_HELP)]
pub(crate) struct Token {
    /// The MCP endpoint, as it was given to `barewire login`
    #[arg(value_parser = web_address)]
    pub(crate) url: Url,
    /// The method of the request: a proof of possession (DPoP) is for one
    #[arg(long, default_value = "POST")]
    pub(crate) method: String,
    /// The URL of the request, where it is another than the endpoint's
    #[arg(long = "for", value_name = "URL", value_parser = web_address)]
    pub(crate) request: Option<Url>,
    /// What the server gave as DPoP-Nonce
    #[arg(long)]
    pub(crate) nonce: Option<String>,
}

const TOKEN_HELP: &str = "\
The token is a secret: whoever has it can use it, unless it is bound to a key. Headers for curl:\n\n  \
barewire token https://example.com/mcp | curl -H @- -X POST https://example.com/mcp …\n\n\
Of a token that is bound to a key, each request needs headers of its own: they count once, and for a few minutes.";

#[derive(Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Tools {
    /// The MCP endpoint, to list its tools
    #[arg(required = true, value_parser = web_address)]
    pub(crate) url: Option<Url>,
    #[command(flatten)]
    pub(crate) access: Access,
    #[command(subcommand)]
    pub(crate) action: Option<ToolsAction>,
}

#[derive(Subcommand)]
pub(crate) enum ToolsAction {
    /// List the tools
    List {
        /// The MCP endpoint
        #[arg(value_parser = web_address)]
        url: Url,
        #[command(flatten)]
        access: Box<Access>,
    },
    /// Show one tool with its schemas
    Show {
        /// The MCP endpoint
        #[arg(value_parser = web_address)]
        url: Url,
        /// The tool's name
        name: String,
        #[command(flatten)]
        access: Box<Access>,
    },
}

#[derive(Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Resources {
    /// The MCP endpoint, to list its resources
    #[arg(required = true, value_parser = web_address)]
    pub(crate) url: Option<Url>,
    #[command(flatten)]
    pub(crate) access: Access,
    #[command(subcommand)]
    pub(crate) action: Option<ResourcesAction>,
}

#[derive(Subcommand)]
pub(crate) enum ResourcesAction {
    /// List the resources and the templates
    List {
        /// The MCP endpoint
        #[arg(value_parser = web_address)]
        url: Url,
        #[command(flatten)]
        access: Box<Access>,
    },
    /// Read one resource
    Read {
        /// The MCP endpoint
        #[arg(value_parser = web_address)]
        url: Url,
        /// The resource's URI
        uri: String,
        #[command(flatten)]
        access: Box<Access>,
    },
}

#[derive(Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Prompts {
    /// The MCP endpoint, to list its prompts
    #[arg(required = true, value_parser = web_address)]
    pub(crate) url: Option<Url>,
    #[command(flatten)]
    pub(crate) access: Access,
    #[command(subcommand)]
    pub(crate) action: Option<PromptsAction>,
}

#[derive(Subcommand)]
pub(crate) enum PromptsAction {
    /// List the prompts
    List {
        /// The MCP endpoint
        #[arg(value_parser = web_address)]
        url: Url,
        #[command(flatten)]
        access: Box<Access>,
    },
    /// Get one prompt's messages
    Get {
        /// The MCP endpoint
        #[arg(value_parser = web_address)]
        url: Url,
        /// The prompt's name
        name: String,
        /// Arguments as NAME=VALUE
        #[arg(value_name = "NAME=VALUE")]
        arguments: Vec<String>,
        #[command(flatten)]
        access: Box<Access>,
    },
}

#[derive(Args)]
pub(crate) struct Call {
    /// The MCP endpoint
    #[arg(value_parser = web_address)]
    pub(crate) url: Url,
    /// The tool's name
    pub(crate) tool: String,
    /// Arguments as NAME=VALUE; the tool's schema says what a value means (NAME:=JSON for a literal one)
    #[arg(value_name = "NAME=VALUE", conflicts_with = "args")]
    pub(crate) arguments: Vec<String>,
    /// All arguments as one JSON object, or - to read it from standard input
    #[arg(long, value_name = "JSON")]
    pub(crate) args: Option<String>,
    /// Accept what the server asks while the tool runs, with this answer (NAME=VALUE, repeatable)
    #[arg(long = "answer", value_name = "NAME=VALUE")]
    pub(crate) answers: Vec<String>,
    /// Decline whatever the server asks while the tool runs
    #[arg(long, conflicts_with = "answers")]
    pub(crate) decline: bool,
    /// Call as an app of the server does (MCP Apps): only what is for apps, also where it is not for the model
    #[arg(long)]
    pub(crate) as_app: bool,
    /// Give up after this many seconds
    #[arg(long, value_name = "SECONDS")]
    pub(crate) timeout: Option<u64>,
    #[command(flatten)]
    pub(crate) access: Access,
}

/// Where an authorization server's store is.
#[derive(Args)]
pub(crate) struct Place {
    /// The folder of auth.sqlite; the server may run meanwhile, and learns of a change within a second
    /// [default: the setting server.data_dir, barewire-data]
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,
}

/// A part of a list.
#[derive(Args)]
pub(crate) struct Part {
    /// So many records, 200 at most [default: 50]
    #[arg(long, value_name = "NUMBER")]
    pub(crate) limit: Option<u32>,
    /// Read on from here: what the part before named
    #[arg(long)]
    pub(crate) cursor: Option<String>,
}

#[derive(Args)]
pub(crate) struct User {
    #[command(flatten)]
    pub(crate) place: Place,
    #[command(subcommand)]
    pub(crate) action: UserAction,
}

#[derive(Subcommand)]
pub(crate) enum UserAction {
    /// List people in the order of their names
    List {
        /// Only those whose name begins so, in capitals or not
        #[arg(long, value_name = "TEXT")]
        search: Option<String>,
        #[command(flatten)]
        page: Part,
    },
    /// Show one person: what they sign in with, and where they are signed in
    Show {
        /// The name, or the id
        name: String,
    },
    /// Add a person; the password is asked for
    Add {
        /// The name, which becomes the subject of tokens too
        name: String,
        /// An administrator, who sees and changes everybody's
        #[arg(long)]
        admin: bool,
        #[command(flatten)]
        password: PasswordFrom,
    },
    /// End all sessions, tokens and refreshes of a person, and let them begin no new ones
    Disable {
        /// The name, or the id
        name: String,
    },
    /// Let a person in again
    Enable {
        /// The name, or the id
        name: String,
    },
    /// Give a person another password, which is asked for, and sign them out everywhere
    Password {
        /// The name, or the id
        name: String,
        #[command(flatten)]
        password: PasswordFrom,
    },
    /// Take a person's authenticator app, recovery codes and passkeys away
    ResetFactors {
        /// The name, or the id
        name: String,
    },
    /// Sign a person out everywhere
    SignOut {
        /// The name, or the id
        name: String,
    },
    /// Make a person an administrator
    Promote {
        /// The name, or the id
        name: String,
    },
    /// Make an administrator none
    Demote {
        /// The name, or the id
        name: String,
    },
    /// Let an account at an identity provider sign in as a person who is there
    Link {
        /// The name, or the id
        name: String,
        #[command(flatten)]
        account: AccountElsewhere,
    },
    /// Take an account at an identity provider away from a person
    Unlink {
        /// The name, or the id
        name: String,
        #[command(flatten)]
        account: AccountElsewhere,
    },
}

/// Who somebody is at an identity provider, for good: no name and no address.
#[derive(Args)]
pub(crate) struct AccountElsewhere {
    /// The provider, as its tokens say in `iss`
    #[arg(long, value_name = "URL")]
    pub(crate) issuer: String,
    /// The account, as its tokens say in `sub`
    #[arg(long, value_name = "TEXT")]
    pub(crate) subject: String,
}

/// Where a password comes from: never from the command line.
#[derive(Args)]
pub(crate) struct PasswordFrom {
    /// Read the password from standard input instead of asking for it
    #[arg(long)]
    pub(crate) password_stdin: bool,
}

#[derive(Args)]
pub(crate) struct Client {
    #[command(flatten)]
    pub(crate) place: Place,
    #[command(subcommand)]
    pub(crate) action: ClientAction,
}

#[derive(Subcommand)]
pub(crate) enum ClientAction {
    /// List applications, however they became known
    List {
        /// Only those whose name or identifier begins so
        #[arg(long, value_name = "TEXT")]
        search: Option<String>,
        #[command(flatten)]
        page: Part,
    },
    /// Show one application
    Show {
        /// Its client_id
        id: String,
    },
    /// Add an application that does not register itself
    Add {
        /// The name that people are shown
        name: String,
        /// Its client_id [default: a random one]
        #[arg(long)]
        id: Option<String>,
        /// Where answers may go (repeatable)
        #[arg(long = "redirect-uri", value_name = "URI")]
        redirect_uris: Vec<String>,
        /// What it may exchange (repeatable) [default: authorization_code and refresh_token]
        #[arg(long = "grant-type", value_name = "TYPE")]
        grant_types: Vec<String>,
        /// It can keep a secret: one is made, and shown once
        #[arg(long)]
        confidential: bool,
    },
    /// Refuse an application at once, whoever it acts for; one with a document also before it comes
    Disable {
        /// Its client_id
        id: String,
    },
    /// Let an application in again
    Enable {
        /// Its client_id
        id: String,
    },
    /// Delete an application that registered itself or was added, and end all that it was allowed
    Delete {
        /// Its client_id
        id: String,
    },
}

#[derive(Args)]
pub(crate) struct Grant {
    #[command(flatten)]
    pub(crate) place: Place,
    #[command(subcommand)]
    pub(crate) action: GrantAction,
}

#[derive(Subcommand)]
pub(crate) enum GrantAction {
    /// List grants, the newest first
    List {
        /// Only those of this user
        #[arg(long)]
        user: Option<String>,
        /// Only those of this application
        #[arg(long, value_name = "ID")]
        client: Option<String>,
        #[command(flatten)]
        page: Part,
    },
    /// Show one grant
    Show {
        /// Its id
        id: String,
    },
    /// Take scopes away from a grant
    Narrow {
        /// Its id
        id: String,
        /// A scope that stays (repeatable)
        #[arg(long, required = true, value_name = "SCOPE")]
        keep: Vec<String>,
    },
    /// End what the user of a grant has let its application do at its resource
    Revoke {
        /// Its id
        id: String,
    },
}

#[derive(Args)]
pub(crate) struct Audit {
    #[command(subcommand)]
    pub(crate) action: AuditAction,
}

#[derive(Subcommand)]
pub(crate) enum AuditAction {
    /// List records, oldest first
    List {
        /// The folder of audit.sqlite [default: the setting server.data_dir, barewire-data]
        #[arg(long, value_name = "DIR")]
        data_dir: Option<PathBuf>,
        /// Only so many, the newest; 0 lists all
        #[arg(long, default_value_t = 1000, value_name = "NUMBER")]
        limit: usize,
        #[command(flatten)]
        filter: AuditFilter,
    },
    /// Check every hash and say which record is the first that is not what was written
    Verify {
        /// The folder of audit.sqlite [default: the setting server.data_dir, barewire-data]
        #[arg(long, value_name = "DIR")]
        data_dir: Option<PathBuf>,
        /// A head that an earlier run printed: without one, a log that was rewritten as a whole is not found out
        #[arg(long, value_name = "NUMBER:HASH")]
        head: Option<Head>,
    },
}

/// Which records; all that are named have to fit.
#[derive(Args)]
pub(crate) struct AuditFilter {
    /// From this time on: 1h, 7d (so long ago), or 2026-07-28T10:00:00Z
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub(crate) since: Option<Time>,
    /// Before this time
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub(crate) until: Option<Time>,
    /// Of this user (the subject of the token), or done by this administrator
    #[arg(long)]
    pub(crate) user: Option<String>,
    /// Of this OAuth client
    #[arg(long, value_name = "ID")]
    pub(crate) client: Option<String>,
    /// Of this tool, prompt or resource
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// Only what was refused
    #[arg(long)]
    pub(crate) refused: bool,
}

#[derive(Args)]
pub(crate) struct Funnel {
    /// The folder of audit.sqlite, of a server that runs or not [default: the setting server.data_dir,
    /// barewire-data]
    #[arg(long, value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,
    /// Go on, and show each attempt again when it changes; with --json, a document on each line
    #[arg(long)]
    pub(crate) follow: bool,
    /// Only so many, the newest; 0 shows all
    #[arg(long, default_value_t = 20, value_name = "NUMBER")]
    pub(crate) limit: u32,
    #[command(flatten)]
    pub(crate) filter: FunnelFilter,
}

/// Which attempts; all that is named has to fit.
#[derive(Args)]
pub(crate) struct FunnelFilter {
    /// Of which something was heard since: 1h, 7d (so long ago), or 2026-07-28T10:00:00Z
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub(crate) since: Option<Time>,
    /// Of this client: its id, or a part of its name or user agent
    #[arg(long, value_name = "TEXT")]
    pub(crate) client: Option<String>,
    /// That stand or stopped at this step: challenge, resource_metadata, server_metadata, registration, authorization,
    /// login, consent, token, call
    #[arg(long, value_parser = funnel::step)]
    pub(crate) step: Option<Step>,
    /// That stand like this: waiting, complete, stopped, abandoned
    #[arg(long, value_parser = funnel::outcome)]
    pub(crate) outcome: Option<Outcome>,
}

#[derive(Args)]
pub(crate) struct Key {
    #[command(subcommand)]
    pub(crate) action: KeyAction,
}

#[derive(Subcommand)]
pub(crate) enum KeyAction {
    /// List the keys that sign access tokens
    List {
        /// The folder of auth.sqlite [default: the setting server.data_dir, barewire-data]
        #[arg(long, value_name = "DIR")]
        data_dir: Option<PathBuf>,
    },
    /// Make a key that takes over; it is published for a while before it signs (auth.signing_key_announcement)
    Rotate {
        /// The folder of auth.sqlite [default: the setting server.data_dir, barewire-data]
        #[arg(long, value_name = "DIR")]
        data_dir: Option<PathBuf>,
        /// Sign with it at once: for when the key that signs is not to be trusted any more
        #[arg(long)]
        now: bool,
    },
    /// End a key, and every token that it signed
    Retire {
        /// The key, as `key list` shows it
        kid: String,
        /// The folder of auth.sqlite [default: the setting server.data_dir, barewire-data]
        #[arg(long, value_name = "DIR")]
        data_dir: Option<PathBuf>,
    },
    /// Seal every secret with the first of the sealing keys, so that the others can be taken away
    Reseal {
        /// The folder of the databases [default: the setting server.data_dir, barewire-data]
        #[arg(long, value_name = "DIR")]
        data_dir: Option<PathBuf>,
    },
}

#[derive(Args)]
pub(crate) struct Config {
    #[command(subcommand)]
    pub(crate) action: ConfigAction,
}

#[derive(Subcommand)]
pub(crate) enum ConfigAction {
    /// Print a settings file with every setting, what it means, and its default
    Example,
    /// Print the JSON Schema of the settings, with which editors complete and check a settings file
    Schema,
    /// Say what is wrong with the settings: the file, the environment and --set, as a start would read them
    Check {
        /// The settings file [default: the one of --config]
        file: Option<PathBuf>,
    },
    /// Print the settings that count, and where each of them is from; secrets are hidden
    Show {
        /// Leave out what nobody has set
        #[arg(long)]
        changed: bool,
    },
}

#[derive(Args)]
pub(crate) struct Doctor {
    /// The MCP endpoint, e.g. https://example.com/mcp
    #[arg(value_parser = web_address)]
    pub(crate) url: Url,
    /// A token for the server; it is sent to this URL only
    #[arg(
        long,
        env = "BAREWIRE_TOKEN",
        hide_env_values = true,
        value_name = "TOKEN",
        conflicts_with = "logged_in"
    )]
    pub(crate) token: Option<String>,
    /// Use the token that `barewire login URL` has kept
    #[arg(long)]
    pub(crate) logged_in: bool,
    /// Another user's token, to see whether a session belongs to one user
    #[arg(long, env = "BAREWIRE_SECOND_TOKEN", hide_env_values = true, value_name = "TOKEN")]
    pub(crate) second_token: Option<String>,
    /// The page of a host in a browser that should be able to use the server
    #[arg(long, value_name = "ORIGIN", default_value = barewire_doctor::USUAL_PAGE)]
    pub(crate) origin: String,
    /// Also trust the certificates in this PEM file (repeatable)
    #[arg(long = "ca", value_name = "FILE")]
    pub(crate) authorities: Vec<PathBuf>,
    /// Show what is fine, what does not apply, and all evidence
    #[arg(long)]
    pub(crate) all: bool,
}

#[derive(Args)]
pub(crate) struct Replay {
    /// The MCP endpoint, e.g. https://example.com/mcp
    #[arg(value_parser = web_address)]
    pub(crate) url: Url,
    /// A token for the server; it is sent to this URL only
    #[arg(
        long,
        env = "BAREWIRE_TOKEN",
        hide_env_values = true,
        value_name = "TOKEN",
        conflicts_with = "logged_in"
    )]
    pub(crate) token: Option<String>,
    /// Use the token that `barewire login URL` has kept
    #[arg(long)]
    pub(crate) logged_in: bool,
    /// Also call this tool, without arguments. No tool is called otherwise: tools have effects
    #[arg(long, value_name = "TOOL")]
    pub(crate) call: Option<String>,
    /// Also call tools: the first that takes no arguments, and those that are given
    #[arg(long)]
    pub(crate) allow_calls: bool,
    /// What stands for a name that transcripts leave open, e.g. counting_tool=import (repeatable)
    #[arg(long = "give", value_name = "NAME=VALUE", value_parser = name_and_value)]
    pub(crate) given: Vec<(String, String)>,
    /// Only this flow, e.g. list (repeatable)
    #[arg(long = "flow", value_name = "FLOW")]
    pub(crate) flows: Vec<String>,
    /// Only this revision, e.g. 2025-11-25 (repeatable)
    #[arg(long = "revision", value_name = "REVISION")]
    pub(crate) revisions: Vec<String>,
    /// Also trust the certificates in this PEM file (repeatable)
    #[arg(long = "ca", value_name = "FILE")]
    pub(crate) authorities: Vec<PathBuf>,
    /// Show every step
    #[arg(long)]
    pub(crate) all: bool,
}

fn name_and_value(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("it has to be NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

#[derive(Args)]
pub(crate) struct Completions {
    /// The shell
    pub(crate) shell: Shell,
}

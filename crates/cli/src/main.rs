//! `barewire`: an MCP server, the authorization server in front of it, the client and the host, in one binary.
//!
//! Only this crate knows all the others. `commands/` has one file per subcommand; `config.rs` is where settings come
//! from; `outcome.rs` is the table of exit codes.

mod arguments;
mod commands;
mod config;
mod connect;
mod descriptors;
mod outcome;
mod outside;
mod sealing;
mod terminal;

use std::process::ExitCode;

use clap::Parser;

use crate::arguments::{Arguments, Command};
use crate::config::Settings;
use crate::connect::interruptible;
use crate::outcome::Failure;

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return misread(&error),
    };
    terminal::start_logging();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return outcome::report(&Failure::internal(error), arguments.common.json),
    };
    let json = arguments.common.json;
    let code = match runtime.block_on(run(arguments)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => outcome::report(&failure, json),
    };
    // A question that was on the terminal when Ctrl-C came would be waited for: a read cannot be taken back.
    runtime.shutdown_background();
    code
}

/// Help that was asked for, or a command line that cannot be read; also that is one JSON document for who wants JSON.
fn misread(error: &clap::Error) -> ExitCode {
    if error.use_stderr() && std::env::args_os().any(|argument| argument == "--json") {
        let message = error.render().to_string();
        return outcome::report(&Failure::usage(message.trim_start_matches("error: ").trim_end()), true);
    }
    error.exit()
}

async fn run(arguments: Arguments) -> Result<(), Failure> {
    let common = arguments.common;
    // `config` has more to say about them than the first command that meets them.
    if !matches!(arguments.command, Command::Config(_)) {
        Settings::check(&common)?;
    }
    match arguments.command {
        Command::Demo(demo) => commands::demo::run(demo, &common).await,
        Command::Serve(serve) => commands::serve::run(serve, &common).await,
        Command::Host(host) => commands::host::run(host, &common).await,
        Command::Login(login) => interruptible(commands::login::run(login, &common)).await,
        Command::Logout(logout) => interruptible(commands::logout::run(logout, &common)).await,
        Command::Token(token) => interruptible(commands::token::run(token, &common)).await,
        Command::Tools(tools) => interruptible(commands::tools::run(tools, &common)).await,
        Command::Resources(resources) => commands::resources::run(resources, &common).await,
        Command::Prompts(prompts) => commands::prompts::run(prompts, &common).await,
        Command::Call(call) => commands::call::run(call, &common).await,
        Command::User(user) => interruptible(commands::user::run(user, &common)).await,
        Command::Client(client) => interruptible(commands::client::run(client, &common)).await,
        Command::Grant(grant) => interruptible(commands::grant::run(grant, &common)).await,
        Command::Audit(audit) => interruptible(commands::audit::run(audit, &common)).await,
        Command::Funnel(funnel) => interruptible(commands::funnel::run(funnel, &common)).await,
        Command::Key(key) => interruptible(commands::key::run(key, &common)).await,
        Command::Config(config) => commands::config::run(config, &common),
        Command::Doctor(doctor) => interruptible(commands::doctor::run(doctor, &common)).await,
        Command::Replay(replay) => interruptible(commands::replay::run(replay, &common)).await,
        Command::Completions(completions) => commands::completions::run(&completions),
    }
}

//! Three real systems behind portcullis, on one database, SQLite or PostgreSQL, and a Redis if there is one:
//! phoss SMP at the root, SMSGate at `/3rdparty/v1`, and Smobilpay S3P at `/s3p/v2`; and a page for people at
//! `/secure/`. `gateway --help` tells the rest, and README.md how several instances are run.
#![allow(clippy::print_stdout, reason = "what is made for a person is printed")]
#![allow(unreachable_pub, reason = "a program has no public API")]

mod accounts;
mod admin;
mod agreement;
mod args;
mod backup;
mod database;
mod demo;
mod health;
mod limit;
mod password;
mod proxies;
mod s3p;
mod secure;
mod serve;
mod smp;
mod smsgate;
mod upkeep;
mod vault;
mod web;

use std::{process::ExitCode, sync::Arc, time::Duration};

use clap::Parser;
use portcullis::{
    AuthenticateLayer, ConfigError, HttpsEvidence,
    basic::{BasicAuth, CredentialCache, HashingPool, Throttle, UserStore},
    store::Redis,
};

use crate::{
    agreement::Agreement,
    args::{Args, Command, SmpCommand, SmpPreset},
    database::Database,
    proxies::Proxies,
    vault::Vault,
};

/// What went wrong, for the person at the terminal.
type Error = Box<dyn std::error::Error + Send + Sync>;

/// All that a handler may need. A clone copies pointers.
#[derive(Clone)]
struct Gateway {
    database: Database,
    /// Where nonces are kept, if not in the database, and attempts to sign in counted, if not in memory.
    redis: Option<Redis>,
    vault: Arc<Vault>,
    /// One for the process: the limit holds for all systems together.
    hashing: HashingPool,
    throttle: Throttle,
    verified: CredentialCache,
    settings: Arc<Settings>,
}

impl Gateway {
    /// HTTP Basic over these users. Who guesses at one system is slowed down at all.
    fn passwords(&self, realm: &str, users: impl UserStore) -> Result<BasicAuth, ConfigError> {
        Ok(BasicAuth::new(realm, users)?
            .hashing_pool(self.hashing.clone())
            .throttle(self.throttle.clone())
            .cache(self.verified.clone()))
    }

    /// Refuses what did not come over https, where that can be known.
    fn over_https(&self, layer: AuthenticateLayer) -> AuthenticateLayer {
        if self.settings.requires_https() {
            layer.require_https(HttpsEvidence::marker())
        } else {
            layer
        }
    }
}

impl Settings {
    /// Whether passwords and tokens are refused that did not come over https: where clients are told to use it, and
    /// it can be known whether they do.
    fn requires_https(&self) -> bool {
        self.public_url.starts_with("https:") && (self.ends_tls || !self.proxies.is_empty())
    }
}

/// What the operator has said.
#[expect(clippy::struct_excessive_bools, reason = "each is a flag")]
struct Settings {
    /// Under which URL clients reach this server, without a slash at the end.
    public_url: String,
    /// Whether TLS ends here, so that the peer of a connection is the client and no proxy.
    ends_tls: bool,
    /// The proxies in front of this server.
    proxies: Proxies,
    /// How long the body of a request may take to arrive.
    body_timeout: Duration,
    /// How long an answer may take, without its body.
    answer_timeout: Duration,
    /// Whether a refused caller is told why.
    error_details: bool,
    /// Whether SMSGate's token endpoints work.
    tokens: bool,
    /// Whether they answer in camel case, too.
    camel_case: bool,
    /// Whose words the SMP part has.
    smp_preset: SmpPreset,
    /// Whether S3P refuses with 400 instead of 401, as its documentation's example does.
    s3p_http_400: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_target(false)
        // A log that nobody reads any more is no reason to stop serving.
        .log_internal_errors(false)
        .init();
    match run(Args::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(args: Args) -> Result<(), Error> {
    database::check(&args.database)?;
    if args.command.is_some() && database::is_in_memory(&args.database) {
        return Err("a database in memory is gone when the command ends: name one in a file".into());
    }
    database::prepare(&args.database, args.makes_database()).await?;
    let vault = Vault::open(args.key_file().as_deref())?;
    let database =
        Database::open(&args.database, args.database_timeout(), vault.sealing_key()?).await?;
    let done = run_on(&database, args, vault).await;
    // Then all is in the one file.
    database.close().await;
    done
}

async fn run_on(database: &Database, args: Args, vault: Vault) -> Result<(), Error> {
    let agreement = Agreement::new(&vault);
    if !matches!(args.command, Some(Command::Adopt)) {
        agreement.check_keys(database, &vault).await?;
    }
    match args.command {
        None => serve::run(&args, database, Arc::new(vault), &agreement).await,
        Some(Command::User(command)) => admin::user(database, command).await,
        Some(Command::Token(command)) => admin::token(database, command).await,
        Some(Command::Smp(SmpCommand::Owner { group, user })) => {
            smp::transfer(database, &group, &user).await
        }
        Some(Command::S3pKey(command)) => admin::s3p_key(database, command).await,
        Some(Command::Backup { file }) => backup::run(database, &file).await,
        Some(Command::Adopt) => {
            let redis = serve::open_redis(&args).await?;
            agreement.adopt(database, redis.as_ref()).await
        }
    }
}

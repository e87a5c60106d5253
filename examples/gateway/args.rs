use std::{path::PathBuf, time::Duration};

use clap::{Parser, Subcommand, ValueEnum, builder::BoolishValueParser, value_parser};
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use portcullis::s3p::{Dialect, SignatureMethod};

use crate::{database, proxies::Network};

/// Three real systems behind portcullis: phoss SMP at `/`, SMSGate at `/3rdparty/v1`, S3P at `/s3p/v2`; and a page
/// for people at `/secure/`.
#[derive(Debug, Parser)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag")]
#[command(name = "gateway", version)]
pub struct Args {
    /// The address to listen on: `host:port`.
    #[arg(long, env = "GATEWAY_LISTEN", default_value = "127.0.0.1:8080")]
    pub listen: String,

    /// Where the data is kept: a file, created if there is none, `sqlite::memory:`, or a PostgreSQL server
    /// (`postgres://user:password@host/database`), which any number of instances share.
    #[arg(
        long,
        env = "GATEWAY_DATABASE",
        default_value = "sqlite:gateway.db",
        global = true,
        hide_env_values = true
    )]
    pub database: String,

    /// Where the nonces of S3P are kept, and attempts to sign in counted: `redis://user:password@host:6379/0`, or
    /// `rediss://…` for TLS. Without this flag, in the database, and in memory. All instances on one database have
    /// the same.
    #[arg(long, env = "GATEWAY_REDIS", global = true, hide_env_values = true)]
    pub redis: Option<String>,

    /// Take a Redis that keeps no append-only file: when it is restarted, requests that were seen can be replayed.
    #[arg(
        long,
        env = "GATEWAY_INSECURE_VOLATILE_REDIS",
        global = true,
        value_parser = BoolishValueParser::new()
    )]
    pub insecure_volatile_redis: bool,

    /// How long the database may take to give a connection, and to carry out a statement, in seconds. No answer takes
    /// more than twice as long, and the time of its body.
    #[arg(
        long,
        env = "GATEWAY_DATABASE_TIMEOUT",
        default_value_t = 5,
        global = true,
        value_parser = value_parser!(u64).range(1..=3600)
    )]
    pub database_timeout: u64,

    /// How long Redis may take to answer, in seconds.
    #[arg(
        long,
        env = "GATEWAY_REDIS_TIMEOUT",
        default_value_t = 1,
        global = true,
        value_parser = value_parser!(u64).range(1..=3600)
    )]
    pub redis_timeout: u64,

    /// Every how many seconds what has expired is deleted, and what a failure of the database has left behind.
    #[arg(
        long,
        env = "GATEWAY_UPKEEP_INTERVAL",
        default_value_t = 60,
        value_parser = value_parser!(u64).range(1..=86_400)
    )]
    pub upkeep_interval: u64,

    /// The file with the keys that are not in the database, created together with it; instances that share a
    /// database have the same. Without this flag: beside the database's file, or `gateway.keys`.
    #[arg(long, env = "GATEWAY_KEYS", global = true)]
    pub keys: Option<PathBuf>,

    /// The URL under which clients reach this server. S3P's signatures cover it.
    #[arg(long, env = "GATEWAY_PUBLIC_URL")]
    pub public_url: Option<String>,

    /// Tell refused callers why: for finding out what is wrong, not for production.
    #[arg(long, env = "GATEWAY_ERROR_DETAILS", value_parser = BoolishValueParser::new())]
    pub error_details: bool,

    /// Serve https with this certificate chain (PEM).
    #[arg(long, env = "GATEWAY_TLS_CERT", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,

    /// The private key that belongs to the certificate (PEM).
    #[arg(long, env = "GATEWAY_TLS_KEY", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,

    /// Serve plain http on an address that others can reach.
    #[arg(long, env = "GATEWAY_INSECURE_HTTP", value_parser = BoolishValueParser::new())]
    pub insecure_http: bool,

    /// A proxy in front of this server: its address, or its network (`10.0.0.0/8`). Repeat for several. From where a
    /// request comes, and whether over https, is what such a proxy says (`X-Forwarded-For`, `X-Forwarded-Proto`), and
    /// nobody else.
    #[arg(long = "trusted-proxy", env = "GATEWAY_TRUSTED_PROXY", value_delimiter = ',')]
    pub trusted_proxies: Vec<Network>,

    /// Create demo accounts on the first start, on an address that others can reach, too.
    #[arg(long, env = "GATEWAY_DEMO", value_parser = BoolishValueParser::new())]
    pub demo: bool,

    /// How long the body of a request may take to arrive, in seconds.
    #[arg(long, env = "GATEWAY_BODY_TIMEOUT", default_value_t = 30)]
    pub body_timeout: u64,

    /// Switch SMSGate's tokens off: the token endpoints answer 501, and bearer tokens are refused.
    #[arg(long, env = "GATEWAY_NO_TOKENS", value_parser = BoolishValueParser::new())]
    pub no_tokens: bool,

    /// Answer SMSGate's token endpoint with the documented names alone, and without their twins in camel case, which
    /// some clients read.
    #[arg(long, env = "GATEWAY_NO_CAMEL_CASE", value_parser = BoolishValueParser::new())]
    pub no_camel_case: bool,

    /// Refuse S3P requests with HTTP 400 instead of 401, as the example in its documentation does.
    #[arg(long, env = "GATEWAY_S3P_HTTP_400", value_parser = BoolishValueParser::new())]
    pub s3p_http_400: bool,

    /// What the SMP part answers where phoss SMP does otherwise than its documentation says.
    #[arg(long, env = "GATEWAY_SMP_PRESET", default_value = "page")]
    pub smp_preset: SmpPreset,

    /// Instead of serving, do this.
    #[command(subcommand)]
    pub command: Option<Command>,
}

impl Args {
    /// `None` if the keys are gone when the program ends, as a database in memory is.
    pub fn key_file(&self) -> Option<PathBuf> {
        if self.keys.is_some() || database::is_in_memory(&self.database) {
            return self.keys.clone();
        }
        let database = database::file(&self.database).unwrap_or_else(|| "gateway".into());
        Some(database.with_extension("keys"))
    }

    pub fn database_timeout(&self) -> Duration {
        Duration::from_secs(self.database_timeout)
    }

    /// Whether a database is made if there is none: another command than these would find nothing in it.
    pub fn makes_database(&self) -> bool {
        matches!(self.command, None | Some(Command::User(UserCommand::Add { .. })))
    }
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum SmpPreset {
    /// What the documentation says: 401 without credentials, and one text for each kind of refusal.
    Page,
    /// What the program says: 403 for all, in its words.
    Phoss,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Users, who sign in by HTTP Basic.
    #[command(subcommand)]
    User(UserCommand),
    /// User tokens, for the SMP part.
    #[command(subcommand)]
    Token(TokenCommand),
    /// Service groups, of the SMP part.
    #[command(subcommand)]
    Smp(SmpCommand),
    /// Access keys, for the S3P part.
    #[command(subcommand)]
    S3pKey(S3pKeyCommand),
    /// Copies an embedded database into a new file, while it is in use.
    Backup {
        /// The file, which must not be there.
        file: PathBuf,
    },
    /// Takes the key file and `--redis`, as they are given now, for those of this database: when the keys are
    /// lost, or the nonces are to be kept elsewhere. All instances have to be stopped.
    Adopt,
}

#[derive(Debug, Subcommand)]
pub enum UserCommand {
    /// Creates a user, and prints the password once.
    Add {
        /// The login name; for the SMP part, an e-mail address.
        name: String,
        /// Read the password from standard input instead of making one.
        #[arg(long)]
        password_stdin: bool,
        /// What the user may do on the SMSGate part; on the SMP part, `smp:admin` lets it write what others own.
        /// Repeat for several.
        #[arg(long = "scope", default_value = "all:any")]
        scopes: Vec<String>,
    },
    /// Lists the users.
    List,
    /// Refuses a user from now on, with tokens and keys.
    Disable {
        /// The login name.
        name: String,
    },
    /// Says anew what a user may do.
    Scopes {
        /// The login name.
        name: String,
        /// All of it, as for a new user.
        #[arg(required = true)]
        scopes: Vec<String>,
    },
    /// Lets a user in again, with tokens and keys.
    Enable {
        /// The login name.
        name: String,
    },
    /// Refuses a user until unlocked, with tokens and keys.
    Lock {
        /// The login name.
        name: String,
    },
    /// Lets a user in again who is locked.
    Unlock {
        /// The login name.
        name: String,
    },
    /// Refuses a user from a time on, with tokens and keys.
    Expire {
        /// The login name.
        name: String,
        /// A day, a moment (`2027-01-31`, `2027-01-31T18:00:00Z`; of a day, its first second in UTC), or `never`.
        #[arg(value_parser = Expiry::parse)]
        when: Expiry,
    },
    /// Gives a user a new password, prints it once, and ends the user's JWTs and sessions.
    Passwd {
        /// The login name.
        name: String,
        /// Read the password from standard input instead of making one.
        #[arg(long)]
        password_stdin: bool,
    },
}

/// From when on a user is refused, in seconds since 1970, if ever.
#[derive(Clone, Copy, Debug)]
pub struct Expiry(pub Option<i64>);

impl Expiry {
    fn parse(text: &str) -> Result<Self, String> {
        if text == "never" {
            return Ok(Self(None));
        }
        let day = || Ok(text.parse::<Date>()?.to_zoned(TimeZone::UTC)?.timestamp());
        let time = text.parse::<Timestamp>().or_else(|_| day());
        let time = time.map_err(|error: jiff::Error| format!("neither a time nor `never`: {error}"))?;
        Ok(Self(Some(time.as_second())))
    }
}

#[derive(Debug, Subcommand)]
pub enum TokenCommand {
    /// Creates a user token, and prints it once. A user has 100 active ones at the most.
    Create {
        /// Whose token it is: a login name.
        user: String,
        /// What it is for.
        name: String,
        /// In how many days it expires. Without this flag, it does not.
        #[arg(long)]
        days: Option<u16>,
        /// What it may do: no more than its user; `all:any` stands for the scopes of SMSGate alone. Repeat for
        /// several. The SMP part asks for none.
        #[arg(long = "scope")]
        scopes: Vec<String>,
    },
    /// Lists a user's tokens: never the tokens themselves.
    List {
        /// A login name.
        user: String,
    },
    /// Revokes a token.
    Revoke {
        /// The id of the token, as the list shows it.
        id: String,
    },
}

#[derive(Debug, Subcommand)]
pub enum SmpCommand {
    /// Makes a service group another user's.
    Owner {
        /// The participant's id: `scheme::value`.
        group: String,
        /// Whose it is from now on: a login name.
        user: String,
    },
}

#[derive(Debug, Subcommand)]
pub enum S3pKeyCommand {
    /// Creates an access key, and prints its secret once. A user has 100 active ones at the most.
    Add {
        /// Whose key it is: a login name.
        user: String,
        /// What it is for.
        #[arg(default_value = "unnamed")]
        name: String,
        /// How the client signs: `strict`, as the scheme's page says; `maviance-php`, `maviance-nodejs`,
        /// `maviance-java`, `ndole-go`, `postman`, `postman-php`, `python`; or what departs from the page, as in
        /// `untrimmed+by-pair`. Repeat for several, four at most.
        #[arg(long = "dialect", default_value = "strict")]
        dialects: Vec<Dialect>,
        /// By which method it signs: HMAC-SHA1, as the page says, or HMAC-SHA256.
        #[arg(long, default_value = "HMAC-SHA1")]
        method: SignatureMethod,
    },
    /// Says anew how the client of an access key signs: from the next request on, and in no other way.
    Dialects {
        /// The access token of the key.
        token: String,
        /// All of them, as for a new key.
        #[arg(required = true)]
        dialects: Vec<Dialect>,
    },
    /// Gives an access key a new secret, and prints it once.
    Rotate {
        /// The access token of the key.
        token: String,
        /// For how many seconds the old secret is good, too, while clients change over. Without this flag, for none: it
        /// may have been stolen.
        #[arg(long, default_value_t = 0, value_parser = value_parser!(u64).range(..=2_592_000))]
        overlap: u64,
    },
    /// Refuses an access key, for good.
    Revoke {
        /// The access token of the key.
        token: String,
    },
    /// Lists the access keys: never the secrets.
    List,
}

use std::{error::Error as _, net::SocketAddr, sync::Arc, time::Duration};

use axum_server::{Address, Handle, Server, tls_rustls::RustlsConfig};
use hyper_util::rt::TokioTimer;
use portcullis::{
    basic::{CredentialCache, HashingPool, Source, Throttle},
    s3p::PublicUrl,
    store::Redis,
};
use tokio::{
    net::{TcpListener, lookup_host},
    signal::unix::{Signal, SignalKind, signal},
};

use crate::{
    Error, Gateway, Settings,
    agreement::Agreement,
    args::Args,
    database::Database,
    demo,
    proxies::Proxies,
    upkeep,
    vault::Vault,
    web::{self, Client},
};

/// How long the head of a request may take to arrive, and a connection may say nothing.
const PATIENCE: Duration = Duration::from_secs(10);

/// How many callers with a password are remembered for a short while.
const CREDENTIALS: usize = 10_000;

pub async fn run(
    args: &Args,
    database: &Database,
    vault: Arc<Vault>,
    agreement: &Agreement,
) -> Result<(), Error> {
    let cannot = |error| format!("cannot serve on {}: {error}", args.listen);
    let addresses: Vec<SocketAddr> = lookup_host(&args.listen).await.map_err(cannot)?.collect();
    let is_local = addresses.iter().all(|address| address.ip().is_loopback());
    let tls = args.tls_cert.as_ref().zip(args.tls_key.as_ref());
    if tls.is_none() && !is_local && !args.insecure_http {
        return Err(format!(
            "plain http on {} would show passwords to the network: give --tls-cert and --tls-key, or \
             --insecure-http if a proxy ends TLS in front of this server",
            args.listen
        )
        .into());
    }
    let is_url = |address: &SocketAddr| !address.ip().is_unspecified() && address.port() != 0;
    if args.public_url.is_none() && !addresses.iter().all(is_url) {
        return Err(format!(
            "S3P signatures cover the URL, and {} is none that a client can use: give --public-url",
            args.listen
        )
        .into());
    }
    if tls.is_none() && !is_local && args.trusted_proxies.is_empty() {
        tracing::warn!(
            "no --trusted-proxy: where requests come from is not known, so that who guesses passwords cannot be told \
             from others"
        );
    }
    let scheme = if tls.is_some() { "https" } else { "http" };
    let public_url = args.public_url.clone().unwrap_or_else(|| format!("{scheme}://{}", args.listen));
    let redis = open_redis(args).await?;
    agreement.check_nonces(database, redis.as_ref()).await?;
    let throttle = redis.clone().map_or_else(Throttle::in_memory, Throttle::new);
    let gateway = Gateway {
        settings: Arc::new(Settings {
            public_url: PublicUrl::parse(&public_url)
                .map_err(|error| format!("--public-url: {error}"))?
                .to_string(),
            ends_tls: tls.is_some(),
            proxies: Proxies(args.trusted_proxies.clone()),
            body_timeout: Duration::from_secs(args.body_timeout),
            answer_timeout: 2 * args.database_timeout(),
            error_details: args.error_details,
            tokens: !args.no_tokens,
            camel_case: !args.no_camel_case,
            smp_preset: args.smp_preset,
            s3p_http_400: args.s3p_http_400,
        }),
        database: database.clone(),
        redis,
        vault,
        hashing: HashingPool::default(),
        throttle: throttle
            .sources(|head| head.extensions().get().map(|Client(address)| Source::ip(*address))),
        verified: CredentialCache::new(CREDENTIALS),
    };
    let app = web::app(&gateway)?.into_make_service_with_connect_info::<SocketAddr>();
    let tls = match tls {
        Some((cert, key)) => Some(
            RustlsConfig::from_pem_file(cert, key)
                .await
                .map_err(|error| format!("cannot use the certificate or its key: {error}"))?,
        ),
        None => None,
    };
    let listener = TcpListener::bind(&*addresses).await.map_err(cannot)?.into_std()?;
    let (terminate, interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    // Nothing that the operator has got wrong stops the start after this: what is shown once is seen.
    if is_local || args.demo {
        demo::create_on_first_start(&gateway).await?;
    } else {
        demo::tell_how_to_begin(database).await?;
    }

    // No request is under way here; one at another instance claims anew.
    for claim in database.unfinished_claims().await? {
        database.forget_claim(&claim).await?;
    }
    let interval = Duration::from_secs(args.upkeep_interval);
    let upkeep = tokio::spawn(upkeep::run(database.clone(), interval));
    let handle = Handle::new();
    tokio::spawn(stop_on_signal(handle.clone(), gateway.settings.answer_timeout, terminate, interrupt));
    tokio::spawn(tell_when_listening(handle.clone(), scheme));
    match tls {
        None => patient(axum_server::from_tcp(listener)?).handle(handle).serve(app).await,
        Some(tls) => {
            patient(axum_server::from_tcp_rustls(listener, tls)?).handle(handle).serve(app).await
        }
    }
    .map_err(cannot)?;
    upkeep.abort();
    // It may be at work, and has the database until it has heard.
    let _ = upkeep.await;
    tracing::info!("stopped");
    Ok(())
}

/// The URL may hold a password, and is not repeated.
pub async fn open_redis(args: &Args) -> Result<Option<Redis>, Error> {
    let Some(url) = &args.redis else {
        return Ok(None);
    };
    let limit = Duration::from_secs(args.redis_timeout);
    let mut redis = Redis::builder(url).prefix("gateway").time_limit(limit);
    if !args.insecure_volatile_redis {
        redis = redis.require_append_only();
    }
    Ok(Some(redis.connect().await.map_err(|error| match error.source() {
        Some(source) => format!("--redis: {error}: {source}"),
        None => format!("--redis: {error}"),
    })?))
}

/// A server that does not wait forever for a request to begin.
fn patient<A: Address, Acceptor>(mut server: Server<A, Acceptor>) -> Server<A, Acceptor> {
    let builder = server.http_builder();
    builder.http1().timer(TokioTimer::new()).header_read_timeout(PATIENCE);
    builder.http2().timer(TokioTimer::new()).keep_alive_interval(PATIENCE);
    server
}

async fn tell_when_listening(handle: Handle<SocketAddr>, scheme: &str) {
    if let Some(address) = handle.listening().await {
        tracing::info!("listening on {scheme}://{address}");
    }
}

/// What is under way may take this long to end.
async fn stop_on_signal(
    handle: Handle<SocketAddr>,
    grace: Duration,
    mut terminate: Signal,
    mut interrupt: Signal,
) {
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    // Before it: where nothing is under way, all is over after it.
    tracing::info!("stopping: no new connections");
    handle.graceful_shutdown(Some(grace));
}

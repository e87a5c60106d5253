use axum::{Router, routing::get};
use portcullis::basic::{BasicAuth, MemoryUserStore, PasswordHash, User};
use portcullis::{BasicAuthLayer, ConfigError, Principal};

fn app() -> Result<Router, ConfigError> {
    let users = MemoryUserStore::new();
    users.insert(User::new("aladdin", PasswordHash::of("open sesame")?)?);

    Ok(Router::new()
        .route("/", get(async |who: Principal| format!("hello, {}\n", who.subject())))
        .route_layer(BasicAuthLayer::new(BasicAuth::new("cave", users)?)))
}

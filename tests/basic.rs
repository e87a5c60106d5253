//! `BasicAuthLayer` through its public API.

mod support;

use portcullis::{
    BasicAuthLayer,
    basic::{BasicAuth, MemoryUserStore, PasswordHash, User},
};
use support::{basic, get, get_with, send};

fn aladdin() -> MemoryUserStore {
    let users = MemoryUserStore::new();
    users.insert(User::new("aladdin", PasswordHash::of("open sesame").unwrap()).unwrap());
    users
}

fn layer() -> BasicAuthLayer {
    BasicAuthLayer::new(BasicAuth::new("cave", aladdin()).unwrap())
}

#[tokio::test]
async fn a_user_with_the_right_password_passes() {
    let answer = send(&layer(), get_with("/", basic("aladdin", "open sesame"))).await;
    assert_eq!((answer.status.as_u16(), &*answer.body), (200, "aladdin"));
}

#[tokio::test]
async fn without_credentials_they_are_asked_for() {
    let answer = send(&layer(), get("/")).await;
    assert_eq!(answer.status, 401);
    assert_eq!(answer.challenges(), [r#"Basic realm="cave", charset="UTF-8""#]);
    assert_eq!(answer.body, "credentials required");
}

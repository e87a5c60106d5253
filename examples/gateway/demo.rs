//! Accounts for trying things out, with random secrets, made on the first start.

use std::{
    env,
    io::{self, Write},
};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use portcullis::{Identity, ScopeSet};

use crate::{
    Error, Gateway,
    accounts::{Account, NewS3pKey, NewUser, add_s3p_key, new_token, tokens},
    database::{Database, new_secret},
};

/// All but the unreserved characters of RFC 3986.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

const ALICE: &str = "alice@example.org";
const BOB: &str = "bob@example.org";

/// Creates the accounts if there is no user at all, and prints them with lines to paste.
pub async fn create_on_first_start(gateway: &Gateway) -> Result<(), Error> {
    let Gateway { database, settings, .. } = gateway;
    if has_users(database).await? {
        tell_the_way_back();
        return Ok(());
    }
    let (alice, bob) = (new_secret(), new_secret());
    let users = [NewUser::new(ALICE, &alice, "all:any")?, NewUser::new(BOB, &bob, "all:any")?];
    let owner = users[0].identity()?;
    // Nobody can use them yet: what they are is not printed.
    let account = Account { identity: owner.clone(), scopes: ScopeSet::empty() };
    let token = new_token(&account, "demo", None, "")?;
    let (token, _) = tokens(database).create(&owner, token).await?;
    let key =
        add_s3p_key(database, &owner, "demo").await?.ok_or("the demo account has a key already")?;
    let greeting = greeting(&settings.public_url, [&alice, &bob], token.expose(), &key);
    let made = make(database, &users, &greeting).await;
    if !matches!(made, Ok(true)) {
        forget(database, &owner).await?;
    }
    if !made? {
        tell_the_way_back();
    }
    Ok(())
}

/// Makes the users, once all that belongs to them is printed: secrets that nobody has seen are of no use. `false`
/// if another instance was faster.
async fn make(database: &Database, users: &[NewUser], greeting: &str) -> Result<bool, Error> {
    let mut change = database.change("gateway: demo").await?;
    for user in users {
        if !user.insert(&mut change).await? {
            return Ok(false);
        }
    }
    print(greeting)?;
    change.commit().await?;
    Ok(true)
}

/// Takes away what was made for a user who was not.
async fn forget(database: &Database, owner: &Identity) -> Result<(), Error> {
    for delete in [
        "DELETE FROM portcullis_user_tokens WHERE issuer = $1 AND subject = $2",
        "DELETE FROM portcullis_access_keys WHERE issuer = $1 AND subject = $2",
    ] {
        let delete = sqlx::query(delete).bind(owner.issuer()).bind(owner.subject());
        delete.execute(database.pool()).await?;
    }
    Ok(())
}

async fn has_users(database: &Database) -> Result<bool, Error> {
    let users = sqlx::query_as("SELECT count(*) FROM portcullis_users");
    let (users,): (i64,) = users.fetch_one(database.pool()).await?;
    Ok(users > 0)
}

fn print(text: &str) -> Result<(), Error> {
    let mut stdout = io::stdout().lock();
    let printed = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
    Ok(printed.map_err(|error| format!("cannot print to standard output: {error}"))?)
}

/// For who has lost what was printed. The URL of the database may hold a password, and is not repeated.
fn tell_the_way_back() {
    let program = program();
    tracing::info!(
        "there are accounts already; a new password, with the same --database: {program} user passwd NAME"
    );
}

/// For who has none yet, where no demo is made.
pub async fn tell_how_to_begin(database: &Database) -> Result<(), Error> {
    if !has_users(database).await? {
        let program = program();
        tracing::info!(
            "there are no accounts yet; the first one, with the same --database: {program} user add NAME"
        );
    }
    Ok(())
}

/// As it was called.
fn program() -> String {
    env::args().next().unwrap_or_else(|| "gateway".to_owned())
}

/// Accounts and lines to paste: each line works as it is.
fn greeting(url: &str, [alice, bob]: [&str; 2], token: &str, key: &NewS3pKey) -> String {
    let NewS3pKey { token: access_token, secret } = key;
    // What stands before `/s3p` in the base string.
    let signed_url = utf8_percent_encode(url, RESERVED);
    let put = put_group(url, token);
    format!(
        r#"Demo accounts, shown once (start again with an empty --database for new ones):

  user        {ALICE}  password {alice}
  user        {BOB}    password {bob}
  user token  {token}  (of {ALICE})
  S3P         access token {access_token}  secret {secret}

A page for people, where they keep their tokens, keys and password:

  {url}/secure/

SMP: a group of Alice's; Bob may read it, and not write it.

  {put}
  curl -i {url}/iso6523-actorid-upis%3A%3A9915%3Ademo
  curl -i -X DELETE {url}/iso6523-actorid-upis%3A%3A9915%3Ademo -u {BOB}:{bob}

SMSGate: a token by password, and a message by token.

  TOKEN=$(curl -s -X POST {url}/3rdparty/v1/auth/token -u {ALICE}:{alice} -H "Content-Type: application/json" -d '{{"ttl": 3600, "scopes": ["messages:send", "messages:list"]}}' | sed -n 's/.*"access_token":"\([^"]*\)".*/\1/p')
  curl -i -X POST {url}/3rdparty/v1/messages -H "Authorization: Bearer $TOKEN" -H "Content-Type: application/json" -d '{{"phoneNumbers": ["+1234567890"], "textMessage": {{"text": "Hello from JWT!"}}}}'

S3P: a signed request; the last line alone, pasted again, is a replay. Signatures cover exactly {url} (--public-url).

  NONCE=$(openssl rand -hex 16); TIME=$(date +%s)
  BASE="GET&{signed_url}%2Fs3p%2Fv2%2Fping&s3pAuth_nonce%3D$NONCE%26s3pAuth_signature_method%3DHMAC-SHA1%26s3pAuth_timestamp%3D$TIME%26s3pAuth_token%3D{access_token}"
  SIGNATURE=$(printf %s "$BASE" | openssl dgst -sha1 -hmac {secret} -binary | base64)
  curl -i {url}/s3p/v2/ping -H "Authorization: s3pAuth, s3pAuth_nonce=\"$NONCE\", s3pAuth_signature=\"$SIGNATURE\", s3pAuth_signature_method=\"HMAC-SHA1\", s3pAuth_timestamp=\"$TIME\", s3pAuth_token=\"{access_token}\""
"#
    )
}

/// A line to paste: it writes a group to the SMP.
pub fn put_group(url: &str, token: &str) -> String {
    format!(
        r#"curl -i -X PUT {url}/iso6523-actorid-upis%3A%3A9915%3Ademo -H "Authorization: Bearer {token}" -H "Content-Type: application/xml" --data-binary '<ServiceGroup xmlns="http://busdox.org/serviceMetadata/publishing/1.0/" xmlns:id="http://busdox.org/transport/identifiers/1.0/"><id:ParticipantIdentifier scheme="iso6523-actorid-upis">9915:demo</id:ParticipantIdentifier><ServiceMetadataReferenceCollection/></ServiceGroup>'"#
    )
}

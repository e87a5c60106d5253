//! Accounts for trying things out, with random secrets, made on the first start.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::{
    Error, Gateway,
    accounts::{NewS3pKey, add_s3p_key, add_user, find, new_token, tokens},
    database::new_secret,
};

/// All but the unreserved characters of RFC 3986.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

const ALICE: &str = "alice@example.org";
const BOB: &str = "bob@example.org";

/// Creates the accounts if there is no user at all, and prints them with lines to paste.
pub async fn create_on_first_start(gateway: &Gateway) -> Result<(), Error> {
    let Gateway { database, settings, .. } = gateway;
    let (users,): (i64,) =
        sqlx::query_as("SELECT count(*) FROM portcullis_users").fetch_one(database.pool()).await?;
    if users > 0 {
        return Ok(());
    }
    let (alice, bob) = (new_secret(), new_secret());
    if !add_user(database, ALICE, &alice, "all:any").await? {
        // Another instance was faster, and shows them.
        return Ok(());
    }
    add_user(database, BOB, &bob, "all:any").await?;
    let account = find(database, ALICE).await?.ok_or("the demo account is gone")?;
    let token = new_token(&account, "demo", None, "")?;
    let (token, _) = tokens(database).create(&account.identity, token).await?;
    let NewS3pKey { token: access_token, secret } = add_s3p_key(database, &account.identity).await?;
    let url = &settings.public_url;
    // What stands before `/s3p` in the base string.
    let signed_url = utf8_percent_encode(url, RESERVED);
    let token = token.expose();
    let put = put_group(url, token);
    println!(
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

  curl -X POST {url}/3rdparty/v1/auth/token -u {ALICE}:{alice} -H "Content-Type: application/json" -d '{{"ttl": 3600, "scopes": ["messages:send", "messages:list"]}}'
  curl -i -X POST {url}/3rdparty/v1/messages -H "Authorization: Bearer <access_token>" -H "Content-Type: application/json" -d '{{"phoneNumbers": ["+1234567890"], "textMessage": {{"text": "Hello from JWT!"}}}}'

S3P: a signed request; the last line alone, pasted again, is a replay.

  NONCE=$(openssl rand -hex 16); TIME=$(date +%s)
  BASE="GET&{signed_url}%2Fs3p%2Fv2%2Fping&s3pAuth_nonce%3D$NONCE%26s3pAuth_signature_method%3DHMAC-SHA1%26s3pAuth_timestamp%3D$TIME%26s3pAuth_token%3D{access_token}"
  SIGNATURE=$(printf %s "$BASE" | openssl dgst -sha1 -hmac {secret} -binary | base64)
  curl -i {url}/s3p/v2/ping -H "Authorization: s3pAuth, s3pAuth_nonce=\"$NONCE\", s3pAuth_signature=\"$SIGNATURE\", s3pAuth_signature_method=\"HMAC-SHA1\", s3pAuth_timestamp=\"$TIME\", s3pAuth_token=\"{access_token}\""
"#
    );
    Ok(())
}

/// A line to paste: it writes a group to the SMP.
pub fn put_group(url: &str, token: &str) -> String {
    format!(
        r#"curl -i -X PUT {url}/iso6523-actorid-upis%3A%3A9915%3Ademo -H "Authorization: Bearer {token}" -H "Content-Type: application/xml" --data-binary '<ServiceGroup xmlns="http://busdox.org/serviceMetadata/publishing/1.0/" xmlns:id="http://busdox.org/transport/identifiers/1.0/"><id:ParticipantIdentifier scheme="iso6523-actorid-upis">9915:demo</id:ParticipantIdentifier><ServiceMetadataReferenceCollection/></ServiceGroup>'"#
    )
}
